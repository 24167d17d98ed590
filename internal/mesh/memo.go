package mesh

import "sync"

// memo remembers what is made of the objects of a view for each key. Views that differ in nothing that it depends on share it.
type memo[K comparable, V any] struct{ known sync.Map }

// of returns what build makes of the view for the key. It is built once.
func (m *memo[K, V]) of(v *network, key K, build func(*network, K) V) V {
	slot, found := m.known.Load(key)
	if !found {
		slot, _ = m.known.LoadOrStore(key, &made[V]{})
	}
	return slot.(*made[V]).once(&v.contents, func(reads *Reads) V {
		recording := *v
		recording.reads = reads
		return build(&recording, key)
	})
}

// made is a value that is made of a view once, with the kinds of objects that it depends on.
type made[V any] struct {
	making sync.Once
	value  V
	reads  Reads
}

// once returns the value. Whoever asks depends on what it was made of.
func (m *made[V]) once(reader *contents, make func(*Reads) V) V {
	m.making.Do(func() { m.value = make(&m.reads) })
	if reader.reads != nil {
		reader.note(m.reads.Kinds()...)
	}
	return m.value
}
