package skill

// rules are the ids of what may be wrong with a SKILL.md, with the summary that
// every diagnostic of the rule carries. docs/skills.md explains each.
var rules = map[string]string{
	"bad-yaml":              "Front matter is not YAML",
	"byte-order-mark":       "Byte order mark",
	"duplicate-field":       "Field stands twice",
	"empty-body":            "No instructions",
	"metadata-value":        "Metadata is not text",
	"missing-description":   "No description",
	"missing-name":          "No name",
	"name-mismatch":         "Name is not the folder's",
	"name-shape":            "Name has a wrong shape",
	"no-front-matter":       "No front matter",
	"not-utf8":              "Not a text file",
	"too-large":             "File too large",
	"too-long":              "Text too long",
	"unclosed-front-matter": "Front matter does not end",
	"unknown-field":         "Unknown field",
	"wrong-type":            "Field has a wrong type",
	"yaml-alias":            "YAML alias",
	"yaml-depth":            "YAML nested too deep",
}
