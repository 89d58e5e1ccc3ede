package config

import "strings"

// What names look like, in the words of messages.
const (
	nameRule     = "a letter and then letters, digits, - and _"
	skillRule    = "lower-case letters, digits and single hyphens between them, at most 64 characters"
	labelName    = "NAME"
	labelElement = "LIST"
	labelTitle   = "TITLE"
	labelHeader  = "HEADER"
	maxSkillName = 64
	maxName      = 128
)

// validName tells whether s can be a part of a reference.
func validName(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '-' && c != '_') {
			return false
		}
	}
	return s != "" && len(s) <= maxName
}

// validSkillName follows the Agent Skills standard.
func validSkillName(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return s != "" && len(s) <= maxSkillName && s[0] != '-' && s[len(s)-1] != '-' && !strings.Contains(s, "--")
}

// toolName tells whether s can be the name of a tool, or a part of one: what
// MCP lets it consist of.
func toolName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("_-./", rune(c)) {
			return false
		}
	}
	return s != "" && len(s) <= MaxToolName
}

// validEnv tells whether s can be the name of an environment variable.
func validEnv(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// repaired is the nearest valid name, or "".
func repaired(s string, skill bool) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_' && !skill:
			b.WriteRune(r)
		default:
			b.WriteByte('-')
		}
	}
	out := b.String()
	for strings.Contains(out, "--") {
		out = strings.ReplaceAll(out, "--", "-")
	}
	out = strings.Trim(out, "-")
	if skill && validSkillName(out) || !skill && validName(out) {
		return out
	}
	return ""
}
