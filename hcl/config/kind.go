package config

import (
	"time"
)

// Kind is the pattern that a connector follows: what it is for, and what holds
// for it unless its block says otherwise.
type Kind struct {
	Name        string
	Doc         string // one sentence
	ReadOnly    bool
	Strict      bool
	Sanitise    bool
	Rollback    bool // a connector of this kind should name a rollback tool
	MaxTools    int  // 0 is no limit
	Timeout     time.Duration
	OutputLimit int64
	Concurrency int
	Idle        time.Duration
	Session     *Session // nil keeps no state
}

// Kinds of connectors, the default first. Fresh copies.
func Kinds() []Kind {
	return []Kind{
		{
			Name: "proxy_aggregator", Doc: "Passes a server of somebody else on, as it is.",
			Timeout: 30 * time.Second, OutputLimit: 1 << 20, Concurrency: 8, Idle: 10 * time.Minute,
		},
		{
			Name: "resource_gateway", Doc: "Reads what lies elsewhere: files, tables, pages. It changes nothing.",
			ReadOnly: true, Sanitise: true, MaxTools: 40,
			Timeout: 30 * time.Second, OutputLimit: 4 << 20, Concurrency: 16, Idle: 10 * time.Minute,
		},
		{
			Name: "tool_orchestrator", Doc: "Does several steps behind one call, and undoes them when one fails.",
			Strict: true, Sanitise: true, Rollback: true, MaxTools: 20,
			Timeout: time.Minute, OutputLimit: 1 << 20, Concurrency: 4, Idle: 10 * time.Minute,
		},
		{
			Name: "stateful_session", Doc: "Keeps state between calls: a browser, a shell, a transaction.",
			Sanitise: true, MaxTools: 40,
			Timeout: 30 * time.Second, OutputLimit: 1 << 20, Concurrency: 8, Idle: 10 * time.Minute,
			Session: &Session{Lifetime: time.Hour, Max: 16},
		},
		{
			Name: "domain_adapter", Doc: "Offers one system in the words of its domain: few tools with narrow schemas.",
			Strict: true, Sanitise: true, MaxTools: 15,
			Timeout: 30 * time.Second, OutputLimit: 1 << 20, Concurrency: 8, Idle: 10 * time.Minute,
		},
	}
}

// kind finds a kind by name; the default where there is none of that name.
func kind(name string) Kind {
	all := Kinds()
	for _, k := range all {
		if k.Name == name {
			return k
		}
	}
	return all[0]
}
