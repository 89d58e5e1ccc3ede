package backend

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// DecodeConfig puts the values of a config block into a struct with json tags.
// A key without a field and a value of the wrong type are errors that name it.
func DecodeConfig(config map[string]any, into any) error {
	raw, err := json.Marshal(config)
	if err != nil {
		return Errorf(InvalidRequest, "the config values are not JSON: %v", err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return Errorf(InvalidRequest, "config: %v", err)
	}
	return nil
}

// decodeConfigJSON reads the wire's form. Whole numbers become int64, because
// float64 changes seeds and sizes above 2^53.
func decodeConfigJSON(raw []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	config := map[string]any{}
	if err := d.Decode(&config); err != nil {
		return nil, err
	}
	if config == nil || d.More() {
		return nil, fmt.Errorf("want one JSON object")
	}
	plain, err := plainNumbers(config)
	if err != nil {
		return nil, err
	}
	return plain.(map[string]any), nil
}

func plainNumbers(v any) (any, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, nil
		}
		f, err := v.Float64()
		if err != nil || math.IsInf(f, 0) {
			return nil, fmt.Errorf("number %s is out of range", v)
		}
		return f, nil
	case []any:
		for i := range v {
			if v[i], err = plainNumbers(v[i]); err != nil {
				return nil, err
			}
		}
		return v, nil
	case map[string]any:
		for k := range v {
			if v[k], err = plainNumbers(v[k]); err != nil {
				return nil, err
			}
		}
		return v, nil
	}
	return v, nil
}
