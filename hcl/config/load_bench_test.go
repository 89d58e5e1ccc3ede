package config

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// BenchmarkLoad1000 loads a project of 1,000 skill blocks in ten files, and a
// project of one beside it: the floor of every command.
func BenchmarkLoad1000(b *testing.B) {
	for _, n := range []int{1, 1000} {
		b.Run(fmt.Sprintf("skills=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			write(b, filepath.Join(dir, "main.hcl"), []byte(`backend "b" {
  plugin = "sim"
}
ladder "l" {
  tier "a" {
    backend = backend.b
    model   = "m"
    family  = "f"
    price   = { input = 1, output = 5 }
  }
}
`))
			var files [10]strings.Builder
			for i := range n {
				fmt.Fprintf(&files[i*10/n], "skill \"skill-%d\" {\n  policy = preset.careful\n  ladder = ladder.l\n  tags   = [\"writing\"]\n  gate \"short\" {\n    value     = \"output.text\"\n    max_chars = 280\n  }\n}\n", i)
			}
			for i := range files {
				write(b, filepath.Join(dir, fmt.Sprintf("skills-%d.hcl", i)), []byte(files[i].String()))
			}
			for b.Loop() {
				p, diags := Load(dir, Options{})
				if len(p.Skills) != n || len(diags) != 0 {
					b.Fatalf("%d skills, %v", len(p.Skills), diags)
				}
			}
		})
	}
}
