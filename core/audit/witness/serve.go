package witness

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// sizeType is the content type of the size in a 409 answer.
const sizeType = "text/x.tlog.size"

// Handler answers POST …/add-checkpoint of C2SP tlog-witness. There is no
// authentication but the signature of the log on its checkpoint. failed is told
// what is wrong with the witness itself; optional.
func (w *Witness) Handler(failed func(error)) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			out.Header().Set("Allow", http.MethodPost)
			http.Error(out, "POST an add-checkpoint request (c2sp.org/tlog-witness)", http.StatusMethodNotAllowed)
			return
		}
		raw, err := io.ReadAll(http.MaxBytesReader(out, r.Body, maxRequest))
		if err != nil {
			http.Error(out, fmt.Sprintf("The request cannot be read, or is longer than %d bytes.", maxRequest), http.StatusBadRequest)
			return
		}
		request, err := ParseRequest(raw)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		line, refusal, err := w.Add(request)
		if err != nil && failed != nil {
			failed(err)
		}
		if refusal != nil {
			refuse(out, refusal)
			return
		}
		out.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(out, line) // the client asks again when it is gone
	})
}

// statuses are those of C2SP tlog-witness. A rollback is a 409 with the size,
// like any request that does not begin where the witness stands.
func refuse(out http.ResponseWriter, r *Refusal) {
	switch r.Reason {
	case UnknownLog:
		http.Error(out, r.Text, http.StatusNotFound)
	case Unsigned:
		http.Error(out, r.Text, http.StatusForbidden)
	case OldSize, Rollback, Fork:
		out.Header().Set("Content-Type", sizeType)
		out.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(out, strconv.FormatInt(r.Size, 10)+"\n") // the status says it
	case NoProof:
		http.Error(out, r.Text, http.StatusUnprocessableEntity)
	case Unsafe:
		http.Error(out, r.Text, http.StatusInternalServerError)
	default:
		http.Error(out, r.Text, http.StatusBadRequest)
	}
}

var errShrunk = errors.New("the witness has seen more entries of this log than it has here: this state is an old copy, or the end of the log was cut off")
