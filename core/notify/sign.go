package notify

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretPrefix begins secrets as Standard Webhooks writes them.
const secretPrefix = "whsec_"

// CheckSecret says what is wrong with a signing secret, without repeating it.
func CheckSecret(secret string) error {
	_, err := keyOf(secret)
	return err
}

func keyOf(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(strings.TrimSpace(secret), secretPrefix)
	if !ok {
		return nil, errors.New("the signing secret does not begin with whsec_: make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver too")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		key, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, errors.New("the signing secret is not base64 behind whsec_: make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver too")
	}
	if len(key) < 24 || len(key) > 64 {
		return nil, fmt.Errorf("the signing secret has %d bytes, and takes 24 to 64: make one with `echo whsec_$(openssl rand -base64 32)`, and give it to the receiver too", len(key))
	}
	return key, nil
}

// Sign is the value of the header webhook-signature for one attempt: "v1," and
// the HMAC-SHA256 of "ID.SECONDS.BODY" in base64.
func Sign(secret, id string, at time.Time, body []byte) (string, error) {
	key, err := keyOf(secret)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}
