package backend

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	sdk "github.com/plimsoll-dev/plimsoll/sdk/backend"
	pb "github.com/plimsoll-dev/plimsoll/sdk/backend/proto/v1"
)

func abilityQuestions() []question {
	return []question{
		{
			id: "ability.count", title: "prompts are counted the same way twice, and longer ones are longer", section: "sdk/backend, TokenCounter", running: true, ask: (*kit).askCount,
			says: "CountTokens is the number of prompt tokens as the API counts them. A backend that does not offer it answers Unimplemented.",
			do:   "ask the API; a Model that only guesses must not be a TokenCounter",
		},
		{
			id: "ability.embed", title: "every text becomes one vector, in order, and all are of one length", section: "sdk/backend, Embedder", running: true, ask: (*kit).askEmbed,
			says: "Embed gives one vector per text, in the order of texts and all of one length, and its usage. A backend that does not offer it answers Unimplemented.",
			do:   "sort the API's vectors by their index",
		},
	}
}

func sorted(words []string) []string {
	slices.Sort(words)
	return words
}

func (k *kit) count(s *session, words string) (int64, *pb.Error, error) {
	ctx, cancel := context.WithTimeout(k.ctx, k.o.Timeout)
	defer cancel()
	a, err := pb.NewCounterClient(s.conn).CountTokens(ctx, &pb.CountTokensRequest{Request: k.request(text("user", words))})
	if e := a.GetError(); e != nil {
		k.errors = append(k.errors, &fault{"a count of tokens", e})
		k.look("the error of a count", e.GetMessage())
	}
	return a.GetTokens(), a.GetError(), err
}

func (k *kit) askCount() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	offered := k.desc.GetCapabilities().GetCountTokens()
	short, refused, err := k.count(s, plainPrompt)
	switch {
	case !offered && status.Code(err) == codes.Unimplemented:
		return skip("it does not offer that, and says so")
	case !offered && err != nil:
		return fail("it does not offer that, and answers %v instead of Unimplemented%s", err, s.dead())
	case !offered:
		return fail("it counts tokens, and its capabilities do not say so")
	case err != nil:
		return fail("%v%s", err, s.dead())
	case refused != nil:
		return fail("refused: %s: %s", refused.GetCode(), refused.GetMessage())
	}
	again, _, err := k.count(s, plainPrompt)
	if err != nil {
		return fail("asked again: %v", err)
	}
	more, _, err := k.count(s, strings.Repeat(plainPrompt+" ", 20))
	switch {
	case err != nil:
		return fail("a longer prompt: %v", err)
	case short <= 0:
		return fail("a prompt of %d bytes has %d tokens", len(plainPrompt), short)
	case short != again:
		return fail("the same prompt has %d and %d tokens", short, again)
	case more <= short:
		return fail("a prompt has %d tokens, and one twenty times as long %d", short, more)
	}
	return pass("%d tokens, and %d for one twenty times as long", short, more)
}

// embed reads a whole answer.
func (k *kit) embed(s *session, model string, texts ...string) (vectors [][]float32, usage *pb.Usage, refused *pb.Error, err error) {
	ctx, cancel := context.WithTimeout(k.ctx, k.o.Timeout)
	defer cancel()
	stream, err := pb.NewEmbedderClient(s.conn).Embed(ctx, &pb.EmbedRequest{Model: model, Texts: texts})
	if err != nil {
		return nil, nil, nil, err
	}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			if usage == nil && refused == nil {
				err = errors.New("the vectors ended without Done and without an error")
			} else {
				err = nil
			}
			return vectors, usage, refused, err
		}
		if err != nil {
			return vectors, usage, refused, err
		}
		if usage != nil || refused != nil {
			return vectors, usage, refused, errors.New("something came after the end")
		}
		switch e := event.GetEvent().(type) {
		case *pb.EmbedEvent_Vector:
			if vectors = append(vectors, e.Vector.GetValues()); len(vectors) > len(texts) {
				return vectors, usage, refused, fmt.Errorf("%d texts got more vectors", len(texts))
			}
		case *pb.EmbedEvent_Done:
			if usage = e.Done.GetUsage(); usage == nil {
				usage = &pb.Usage{}
			}
		case *pb.EmbedEvent_Error:
			refused = e.Error
			k.errors = append(k.errors, &fault{"embeddings", refused})
			k.look("the error of embeddings", refused.GetMessage())
		}
	}
}

func (k *kit) askEmbed() finding {
	s, err := k.session()
	if err != nil {
		return fail("%v", err)
	}
	model := k.o.Embedding
	if model == "" {
		model = k.model()
	}
	offered := k.desc.GetCapabilities().GetEmbeddings()
	texts := []string{"alder", "a boiler", "alder"}
	vectors, usage, refused, err := k.embed(s, model, texts...)
	switch {
	case !offered && status.Code(err) == codes.Unimplemented:
		return skip("it does not offer that, and says so")
	case !offered && err != nil:
		return fail("it does not offer that, and answers %v instead of Unimplemented%s", err, s.dead())
	case !offered:
		return fail("it makes embeddings, and its capabilities do not say so")
	case err != nil:
		return fail("%v%s", err, s.dead())
	case refused != nil && k.o.Embedding == "" && refused.GetCode() == string(sdk.InvalidRequest):
		return skip("the model %s is refused (%s): name one by -embedding", model, refused.GetMessage())
	case refused != nil:
		return fail("refused: %s: %s", refused.GetCode(), refused.GetMessage())
	case len(vectors) != len(texts):
		return fail("%d texts got %d vectors", len(texts), len(vectors))
	}
	for i, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return fail("vector %d has %d numbers, and the first one %d", i+1, len(v), len(vectors[0]))
		}
		for _, x := range v {
			if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
				return fail("vector %d has a number that is none", i+1)
			}
		}
	}
	switch same, other := apart(vectors[0], vectors[2]), apart(vectors[0], vectors[1]); {
	case same > 0 && same >= other:
		return fail("the first and the third text are the same, and their vectors (apart by %g) lie no closer than those of two different texts (%g): they are not in order", same, other)
	case usage.GetInput() <= 0:
		return fail("%d vectors of input %d tokens", len(vectors), usage.GetInput())
	}
	return pass("%d vectors of %d numbers, %d tokens", len(vectors), len(vectors[0]), usage.GetInput())
}

func apart(a, b []float32) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return sum
}
