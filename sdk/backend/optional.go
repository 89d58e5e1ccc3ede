package backend

import (
	"context"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// TokenCounter is a Model that can say how long a prompt is before it is sent.
type TokenCounter interface {
	// CountTokens is the number of prompt tokens of req as the API itself
	// counts them, tools and schema included. A Model that only guesses must
	// not implement it. Errors are *Error as in Generate.
	CountTokens(ctx context.Context, req message.Request) (int64, error)
}

// Embedder is a Model that also turns texts into vectors.
type Embedder interface {
	// Embed returns one vector per text, in the order of texts and all of one
	// length, and what it used: only Usage.Input is set. Errors are *Error as
	// in Generate.
	Embed(ctx context.Context, model string, texts []string) ([][]float32, message.Usage, error)
}
