package gate

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// counting tests the kinds that count something and compare with n.
func counting(kind string, n int) func(any) string {
	switch kind {
	case "max_chars":
		return onText(func(s string) string {
			if len(s) <= n || utf8.RuneCountInString(s) <= n { // a cluster has at least one code point
				return ""
			}
			if got := clusters(s); got > n {
				return fmt.Sprintf("%s; at most %d allowed", plural(got, "character"), n)
			}
			return ""
		})
	case "min_chars":
		return onText(func(s string) string {
			if got := clustersUpTo(s, n); got < n {
				return fmt.Sprintf("%s; at least %d needed", plural(got, "character"), n)
			}
			return ""
		})
	case "links":
		return onText(func(s string) string {
			if got := len(links(s)); got != n {
				return fmt.Sprintf("%s; exactly %d needed", plural(got, "link"), n)
			}
			return ""
		})
	case "max_items":
		return onList(func(l []any) string {
			if len(l) > n {
				return fmt.Sprintf("%s; at most %d allowed", plural(len(l), "element"), n)
			}
			return ""
		})
	}
	return onList(func(l []any) string {
		if len(l) < n {
			return fmt.Sprintf("%s; at least %d needed", plural(len(l), "element"), n)
		}
		return ""
	})
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func onText(test func(string) string) func(any) string {
	return func(v any) string {
		s, ok := v.(string)
		if !ok {
			return "it is " + kindOf(v) + ", not a string"
		}
		return test(s)
	}
}

func onList(test func([]any) string) func(any) string {
	return func(v any) string {
		l, ok := v.([]any)
		if !ok {
			return "it is " + kindOf(v) + ", not a list"
		}
		return test(l)
	}
}

func oneOf(allowed []string) func(any) string {
	set := make(map[string]bool, len(allowed))
	for _, a := range allowed {
		set[a] = true
	}
	return onText(func(s string) string {
		if set[s] {
			return ""
		}
		return fmt.Sprintf("%s is not one of %s", quote(s), shorten(strings.Join(allowed, ", "), 120))
	})
}

func pattern(re *regexp.Regexp) func(any) string {
	return onText(func(s string) string {
		if re.MatchString(s) {
			return ""
		}
		return fmt.Sprintf("%s does not match %s", quote(s), shorten(re.String(), 120))
	})
}

// quote shows a text of the output in a message, never the whole of a long one.
func quote(s string) string { return fmt.Sprintf("%q", shorten(s, 40)) }

// shorten keeps at most n code points.
func shorten(s string, n int) string {
	if len(s) <= n {
		return s
	}
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "a string"
	case json.Number, float64, int64, int:
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", v)
}
