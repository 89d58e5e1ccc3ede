package cli

import "io"

// written passes output on and keeps the first error: a result that did not
// arrive whole, on a full disk for one, must not end as success.
type written struct {
	w   io.Writer
	err error
}

func (o *written) Write(p []byte) (int, error) {
	n, err := o.w.Write(p)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}
