package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// start measures a command that names one skill among a thousand that are
// installed, as a whole process. The floor is the same program printing its
// version.
func start(program string) ([]figure, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "plimsoll-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := thousand(dir); err != nil {
		return nil, err
	}
	command := func(args ...string) func() error {
		return func() error {
			out, err := exec.Command(program, args...).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%v: %w\n%s", args, err, out)
			}
			return nil
		}
	}
	floor, err := median(15, command("version"))
	if err != nil {
		return nil, err
	}
	show, err := median(15, command("-C", dir, "skill", "show", "skill-0500"))
	if err != nil {
		return nil, err
	}
	tier, err := median(15, command("-C", dir, "tier", "skill-0500"))
	if err != nil {
		return nil, err
	}
	cold, err := median(3, func() error {
		if err := os.RemoveAll(filepath.Join(dir, ".plimsoll")); err != nil {
			return err
		}
		return command("-C", dir, "skill", "list")()
	})
	if err != nil {
		return nil, err
	}
	const limit = 100 * time.Millisecond
	return []figure{
		{"plimsoll version (floor)", "", floor.Round(time.Millisecond).String(), true},
		{"skill show NAME, 1,000 skills installed", "<= 100ms", against(show, floor, "floor"), show <= limit},
		{"tier NAME (opens the state), 1,000 skills installed", "<= 100ms", against(tier, floor, "floor"), tier <= limit},
		{"skill list without an index, 1,000 skills", "", against(cold, floor, "floor"), true},
	}, nil
}

// thousand writes a project with a thousand skills and an assignment for each.
func thousand(dir string) error {
	files := map[string]string{"plimsoll.hcl": `
backend "lab" {
  plugin = "sim"
}
ladder "lab" {
  tier "small" {
    backend = backend.lab
    model   = "s"
    family  = "sim"
    price   = { input = 1, output = 1 }
  }
  tier "large" {
    backend = backend.lab
    model   = "l"
    family  = "sim"
    price   = { input = 5, output = 5 }
  }
}
skills "all" {
  from   = "skills/*"
  policy = preset.standard
  ladder = ladder.lab
}
`}
	policy := ""
	for i := range 1000 {
		name := fmt.Sprintf("skill-%04d", i)
		files["skills/"+name+"/SKILL.md"] = fmt.Sprintf("---\nname: %s\ndescription: Does the %d-th thing that an office needs, and says when it cannot.\n---\n%s\n", name, i, body)
		policy += fmt.Sprintf("assignment %q \"main\" {\n  tier   = ladder.lab.large\n  since  = \"2026-06-01T02:00:00Z\"\n  reason = \"adopted\"\n}\n\n", name)
	}
	files["policy.hcl"] = policy
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

const body = `Read the input to its end before you answer.
Keep names, numbers and dates as they are. Say what is missing instead of guessing it.
Answer in the language of the input, in at most ten lines.`
