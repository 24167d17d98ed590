package mesh

import (
	"reflect"
	"sync"
)

// derived is a value that a reader made of a view, with the kinds that it depends on.
type derived struct {
	once  sync.Once
	value any
	reads Reads
}

// Derived returns what build makes of the view. It is built once for each view and type, so every reader has a type of its own for it.
func Derived[T any](v *View, build func(*View) T) T {
	return derivedAs(v, reflect.TypeFor[T](), build)
}

// DerivedFor returns what build makes of the view for the key. It is built once for each view, type and key.
func DerivedFor[K comparable, T any](v *View, key K, build func(*View) T) T {
	return derivedAs(v, derivedKey{of: reflect.TypeFor[T](), key: key}, build)
}

// derivedKey tells values of one type apart.
type derivedKey struct {
	of  reflect.Type
	key any
}

func derivedAs[T any](v *View, as any, build func(*View) T) T {
	slot, _ := v.index.derived.LoadOrStore(as, &derived{})
	made := slot.(*derived)
	made.once.Do(func() { made.value = build(v.Recording(&made.reads)) })
	v.note(made.reads.Kinds()...)
	return made.value.(T)
}
