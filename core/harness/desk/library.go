package desk

import (
	"context"
	"encoding/json"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/core/audit"
	"github.com/plimsoll-dev/plimsoll/core/mcp"
)

// Skills lists the skills that the caller may read, by name.
func (d *Desk) Skills(ctx context.Context, caller mcp.Caller) ([]mcp.Skill, error) {
	c, now := d.Shown(), d.host.Now()
	out := []mcp.Skill{}
	names := []string{}
	for _, e := range c.skills {
		if c.sees(e, caller, access.List, now) {
			out = append(out, e.Skill.Mirror)
			names = append(names, e.Name)
		}
	}
	record := d.call(caller, audit.ActionList)
	record.Outcome, record.Result, record.Duration = audit.OutcomeOK, digestOf(names), d.host.Now().Sub(now)
	return out, d.journal.note(ctx, record, nil)
}

// File reads a file of a skill.
func (d *Desk) File(ctx context.Context, caller mcp.Caller, skill, path string) ([]byte, error) {
	record, e, err := d.read(ctx, caller, skill, map[string]any{"file": clean(path)})
	if err != nil {
		return nil, err
	}
	for _, f := range e.Skill.Mirror.Files {
		if f.Path != path {
			continue
		}
		data, err := e.Skill.File(path)
		if err != nil {
			record.Outcome, record.Reason = audit.OutcomeError, err.Error()
			if noted := d.journal.note(ctx, record, map[string]any{"file": clean(path)}); noted != nil {
				return nil, noted
			}
			return nil, &mcp.Problem{Code: mcp.CodeUnavailable, What: sentence("The file cannot be read"), Why: sentence(err.Error()), Next: "List the skills again."}
		}
		record.Outcome, record.Result, record.Bytes = audit.OutcomeOK, f.Digest, int64(len(data))
		return data, d.journal.note(ctx, record, map[string]any{"file": path})
	}
	record.Outcome, record.Reason = audit.OutcomeUnknown, "the skill has no such file"
	if err := d.journal.note(ctx, record, map[string]any{"file": clean(path)}); err != nil {
		return nil, err
	}
	return nil, unread()
}

// Prompt fills a skill's instructions in.
func (d *Desk) Prompt(ctx context.Context, caller mcp.Caller, skill string, arguments map[string]string) (string, error) {
	given, err := json.Marshal(arguments)
	if err != nil {
		return "", err
	}
	noted := map[string]any{"prompt": d.Shown().arguments(given)}
	record, e, err := d.read(ctx, caller, skill, noted)
	if err != nil {
		return "", err
	}
	text, err := e.Skill.Prompt(arguments)
	if err != nil {
		record.Outcome, record.Reason = audit.OutcomeDenied, err.Error()
		if err := d.journal.note(ctx, record, noted); err != nil {
			return "", err
		}
		return "", &mcp.Problem{Code: mcp.CodeInvalid, What: sentence("The prompt of " + skill + " cannot be filled in"), Why: sentence(err.Error())}
	}
	record.Outcome, record.Result, record.Bytes = audit.OutcomeOK, digestOf(text), int64(len(text))
	return text, d.journal.note(ctx, record, noted)
}

// read is the gate before a skill's files and instructions.
func (d *Desk) read(ctx context.Context, caller mcp.Caller, skill string, arguments any) (audit.Call, *Entry, error) {
	record := d.call(caller, audit.ActionDescribe)
	record.Skill = clip(line(skill), 256)
	e, ok := d.Shown().named(skill, caller, access.Describe, d.host.Now())
	if ok && e.Skill != nil {
		record.Definition = e.Definition
		return record, e, nil
	}
	record.Outcome, record.Reason = audit.OutcomeUnknown, "there is no such skill for this caller"
	if err := d.journal.note(ctx, record, arguments); err != nil {
		return record, nil, err
	}
	return record, nil, unread()
}

func unread() error {
	return &mcp.Problem{Code: mcp.CodeUnknown, What: "There is no such skill or file.", Next: "List the skills, and take a name from the answer."}
}
