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
	slot, _ := v.index.derived.LoadOrStore(reflect.TypeFor[T](), &derived{})
	made := slot.(*derived)
	made.once.Do(func() { made.value = build(v.Recording(&made.reads)) })
	v.note(made.reads.Kinds()...)
	return made.value.(T)
}
