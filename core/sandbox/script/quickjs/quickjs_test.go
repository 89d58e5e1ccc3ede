package quickjs

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"
)

func TestDigest(t *testing.T) {
	sum := sha256.Sum256(Module())
	if got := "sha256:" + hex.EncodeToString(sum[:]); got != Digest {
		t.Errorf("the module is %s, not %s: it was changed or replaced", got, Digest)
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), strings.TrimPrefix(Digest, "sha256:")) {
		t.Error("README.md names another digest")
	}
}
