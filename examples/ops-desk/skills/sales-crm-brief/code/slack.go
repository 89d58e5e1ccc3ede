package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// crm is where an account's page is found. The example's own address leads
// nowhere.
const crm = "https://crm.example.com/accounts/"

// thread parts the first message from the answers in its thread; whoever posts
// the text splits it there.
const thread = "\n---\n"

// slack renders the brief as one message with the headline and the numbered
// accounts, and the note to the customer in the thread, where nobody sends it by
// accident.
func slack(in Week, out Output) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "*Sales brief %s*\n%s\n", escape(in.Week), escape(out.Brief.Headline))
	for i, a := range out.Brief.Accounts {
		fmt.Fprintf(&b, "%d. <%s%s|%s> %s", i+1, crm, slug(a.Name), escape(a.Name), escape(a.Change))
		if a.Amount != nil {
			fmt.Fprintf(&b, ", %s", figure(*a.Amount))
		}
		fmt.Fprintf(&b, "\n    %s (%s)\n", escape(a.NextStep), escape(a.Owner))
	}
	b.WriteString(thread)
	fmt.Fprintf(&b, "Note to %s, to be read before it is sent:\n", escape(in.WriteTo))
	for line := range strings.Lines(out.Copy) {
		fmt.Fprintf(&b, "> %s\n", escape(strings.TrimSpace(line)))
	}
	return strings.TrimSpace(b.String()), nil
}

// escape keeps an account called "A & B <x>" from becoming mark-up.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// slug is the name in an address: letters and digits of any script, the rest a
// single hyphen.
func slug(name string) string {
	return strings.Join(strings.FieldsFunc(key(name), func(r rune) bool {
		return r < 0x80 && (r < '0' || r > '9') && (r < 'a' || r > 'z')
	}), "-")
}

// figure writes 31200 as 31,200 and 312.4 as 312.40.
func figure(f float64) string {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return "?"
	}
	decimals := 2
	if f == math.Trunc(f) {
		decimals = 0
	}
	whole, rest, _ := strings.Cut(strconv.FormatFloat(f, 'f', decimals, 64), ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		return whole + "." + rest
	}
	return whole
}
