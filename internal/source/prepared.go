package source

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/meshtls/meshtls/internal/model"
)

// prepared is what a document, or an item of a list in one, holds: decoded, and not yet taken up. It is made of the text alone, so that
// many can be made at a time.
type prepared struct {
	from origin
	// fields are what is written; nil: nothing, or the object says all of it.
	fields map[string]any
	// gvk is the kind that is read for the one that is written; empty: the fields say none.
	gvk schema.GroupVersionKind
	// name is the object's, with the namespace that is written.
	name string
	// object is nil where the kind is not read, or the fields could not be decoded.
	object client.Object
	// items are those of a list; isList says that it is one.
	items  []prepared
	isList bool
	// err is what is wrong. An object beside it counts all the same.
	err error
}

// prepareAll prepares documents, in their order.
func prepareAll(ctx context.Context, documents []*document) []prepared {
	all := make([]prepared, len(documents))
	inParallel(len(documents), func(i int) {
		fields, err := parse(documents[i])
		all[i] = prepare(ctx, origin{document: documents[i]}, fields, err)
	})
	return all
}

// inParallel calls the function for each number below n, several at a time.
func inParallel(n int, do func(i int)) {
	var group errgroup.Group
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i := range n {
		group.Go(func() error {
			do(i)
			return nil
		})
	}
	_ = group.Wait() // the functions return none
}

// prepare decodes an object, or those of a list. No fields: there is nothing in the document.
func prepare(ctx context.Context, from origin, fields map[string]any, err error) prepared {
	p := prepared{from: from, fields: fields, err: err}
	if err != nil || fields == nil {
		return p
	}
	if p.gvk, p.err = kindOf(fields); p.err != nil {
		return p
	}
	listed, isList, err := items(fields, p.gvk)
	if p.isList, p.err = isList, err; err != nil {
		return p
	}
	if !isList {
		p.decode(ctx)
		return p
	}
	p.items = make([]prepared, len(listed))
	inParallel(len(listed), func(i int) {
		p.items[i] = prepare(ctx, origin{document: from.document, items: append(slices.Clone(from.items), i)}, listed[i], nil)
	})
	delete(fields, "items")
	return p
}

// decode makes the object of the fields, if its kind is read.
func (p *prepared) decode(ctx context.Context) {
	p.name = nameIn(p.fields)
	if p.err = checkKind(p.gvk); p.err == nil {
		if p.gvk = canonical(p.gvk); known.Has(p.gvk) {
			p.object, p.err = decode(ctx, p.fields, p.gvk)
		}
	}
	p.err = p.named(p.err)
	if p.object != nil && p.gvk.Kind != model.KindDestinationRule {
		p.fields = nil // of all but these, whose omitted fields count, they are only so much memory
	}
}

// named begins what is wrong with the object, and notes the line of the field that is.
func (p *prepared) named(err error) error {
	if err == nil {
		return nil
	}
	named := fmt.Errorf("%s %s: %w", p.gvk.Kind, p.name, err)
	if at := (interface{ field() string })(nil); errors.As(err, &at) {
		return &placed{line: p.from.line(at.field()), err: named}
	}
	return named
}

// placed is something wrong on a line of its file.
type placed struct {
	line int
	err  error
}

// Error tells it without the line.
func (p *placed) Error() string { return p.err.Error() }

// Unwrap returns what is wrong.
func (p *placed) Unwrap() error { return p.err }
