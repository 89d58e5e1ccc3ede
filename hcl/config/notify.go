package config

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/plimsoll-dev/plimsoll/hcl/diag"
)

// Notify is a `notify "NAME"` block: where a message goes, and about what.
type Notify struct {
	Name   string
	URL    string   // may be empty where the project is only checked
	Secret string   // name of the environment variable with the signing secret; "" does not sign
	On     []string // of NotifyEvents
	Format string   // "json" or "text"
	Range  diag.Range
}

// NotifyEvents are what messages are sent about.
func NotifyEvents() []string { return []string{"moved", "escalated", "problem", "approval", "night"} }

// defaultOn leaves out every night: a message a day that says nothing is not
// read on the day when it does.
func defaultOn() []string { return []string{"moved", "escalated", "problem", "approval"} }

// Wants tells whether messages about an event go there.
func (n *Notify) Wants(event string) bool { return contains(n.On, event) }

func notifyDoc() *BlockDoc {
	return &BlockDoc{
		Type: "notify", Labels: []string{labelName},
		Doc: "Sends a message to a URL of yours (a webhook) when something happened. A project without such a block never reaches out.",
		Attributes: []*AttributeDoc{
			{Name: "url", Type: String, Required: true, Example: `env("PLIMSOLL_HOOK_URL", "")`, Doc: "Where it is sent, by POST: https, or http on this machine. Redirects are not followed, and no proxy is used. A URL that is a secret itself comes from `env(...)`; empty, the project can be checked, and nothing is sent."},
			{Name: "secret", Type: String, Example: `"PLIMSOLL_HOOK_SECRET"`, Doc: "Name of the environment variable with the secret that messages are signed with after Standard Webhooks: `whsec_` and 24 to 64 bytes in base64. Without it they are not signed."},
			{Name: "on", Type: Strings, Default: `["moved", "escalated", "problem", "approval"]`, Example: `["escalated"]`, Doc: "What about: `moved` (a skill moved down), `escalated` (it moved up), `problem` (something could not be measured, or a night failed), `approval` (a call waits for a person), `night` (every night that ended)."},
			{Name: "format", Type: String, Allowed: []string{"json", "text"}, Default: `"json"`, Doc: "`json` is a document with all that is known, `text` is `{\"text\": \"...\"}`, which chat services show."},
			{Name: "plaintext", Type: Bool, Default: "false", Doc: "Allow http to another machine: whoever is on the way can read it."},
		},
		Example: "notify \"team\" {\n  url    = \"https://hooks.example.com/plimsoll\"\n  secret = \"PLIMSOLL_HOOK_SECRET\"\n  on     = [\"moved\", \"escalated\", \"problem\"]\n}",
	}
}

func (l *loader) fillNotify(b *body, out *Notify) {
	out.Range = b.header
	out.URL = b.secret("url")
	if why := badHook(out.URL, b.boolean("plaintext")); why != "" {
		// Its text is not repeated: such a URL often is a secret.
		l.add(badURL.at(b.rng("url"), "%s", why).Masked())
		out.URL = ""
	}
	if out.Secret = b.str("secret"); out.Secret != "" && (!validEnv(out.Secret) || strings.HasPrefix(out.Secret, "whsec_")) {
		l.add(badName.at(b.rng("secret"), "secret holds the name of an environment variable, never the secret itself: that would stand in the repository.").WithSuggestion(b.doc.Attribute("secret").line()).Masked())
		out.Secret = ""
	}
	if out.Format = b.str("format"); out.Format == "" {
		out.Format = "json"
	}
	out.On = defaultOn()
	if !b.has("on") {
		return
	}
	out.On = b.distinct("on")
	for _, event := range out.On {
		if !contains(NotifyEvents(), event) {
			l.add(notAllowed.at(b.rng("on"), "on takes %s; %q is none of them.%s", quoted(NotifyEvents()), event, diag.DidYouMean(event, NotifyEvents())))
		}
	}
	if len(out.On) == 0 {
		l.add(emptyValue.at(b.rng("on"), "on is empty, so nothing would ever be sent. Name an event, or remove the block."))
	}
}

// badHook says why nothing is sent to a URL, or "".
func badHook(text string, plaintext bool) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http":
		return "url is not a web address. Write it whole, such as \"https://hooks.example.com/plimsoll\"."
	case u.User != nil:
		return "url has a name or a password before its host. Use secret, which signs messages, or a URL that is a secret itself."
	case u.Fragment != "" || strings.Contains(text, "#"):
		return "url has a part behind #, which is never sent. Remove it."
	case u.Scheme == "http" && !plaintext && !thisMachine(u.Hostname()):
		return "url is http and not on this machine, so that others could read what is sent. Use https, or say plaintext = true."
	}
	return ""
}

func thisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
