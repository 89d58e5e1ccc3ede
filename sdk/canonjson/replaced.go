package canonjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"unicode/utf8"
)

// errReplaced says what encoding/json does not.
var errReplaced = errors.New("a string is not valid UTF-8")

// checkReplaced finds a Go string whose invalid bytes encoding/json replaced.
// It writes such a replacement as the escape \ufffd, a real U+FFFD as itself, so
// the walk over v is needed only when that escape shows up, which it otherwise
// does in raw JSON that somebody else escaped. What a Marshaler did inside
// itself cannot be seen.
func checkReplaced(raw []byte, v any) error {
	if bytes.Contains(raw, []byte(`\ufffd`)) && holdsInvalid(reflect.ValueOf(v)) {
		return errReplaced
	}
	return nil
}

var marshaler = reflect.TypeFor[json.Marshaler]()

// holdsInvalid walks what encoding/json writes of v. The walk ends: v was
// encoded before, so it has no cycle.
func holdsInvalid(v reflect.Value) bool {
	if !v.IsValid() || v.Type().Implements(marshaler) {
		return false
	}
	switch v.Kind() {
	case reflect.String:
		return !utf8.ValidString(v.String())
	case reflect.Pointer, reflect.Interface:
		return !v.IsNil() && holdsInvalid(v.Elem())
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return false // base64
		}
		for i := range v.Len() {
			if holdsInvalid(v.Index(i)) {
				return true
			}
		}
	case reflect.Map:
		for it := v.MapRange(); it.Next(); {
			if holdsInvalid(it.Key()) || holdsInvalid(it.Value()) {
				return true
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if (f.IsExported() || f.Anonymous) && f.Tag.Get("json") != "-" && holdsInvalid(v.Field(i)) {
				return true
			}
		}
	}
	return false
}
