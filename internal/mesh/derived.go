package mesh

import "reflect"

// Derived returns what build makes of the view. It is built once for each view and type, so every reader has a type of its own for it.
func Derived[T any](v *View, build func(*View) T) T {
	return derivedAs(v, reflect.TypeFor[T](), build)
}

// DerivedFor returns what build makes of the view for the key. It is built once for each view, type and key.
func DerivedFor[K comparable, T any](v *View, key K, build func(*View) T) T {
	return derivedAs(v, derivedKey[K, T]{key}, build)
}

// derivedKey tells values of one type apart.
type derivedKey[K comparable, T any] struct{ key K }

// derivedAs remembers the value. For a reader whose reads are recorded it is made anew, so that they are noted.
func derivedAs[T any](v *View, as any, build func(*View) T) T {
	if v.reads != nil {
		return build(v)
	}
	if known, found := v.index.derived.Load(as); found {
		return known.(T)
	}
	value := build(v)
	v.index.derived.Store(as, value)
	return value
}
