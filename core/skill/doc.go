// Package skill finds, reads and versions skill folders: SKILL.md after the
// Agent Skills standard, the contract in skill.hcl, what the project says about
// both, and one hash over everything that makes an epoch of evidence.
//
// It must not run anything, reach a network, or read items (core/trial does):
// it says what a skill is and which bytes belong to it. A skill's folder was
// written by somebody else, so nothing in it may name a file outside of it.
//
//	skills, diags := skill.Load(project, skill.Options{IndexPath: ".plimsoll/skills.json"})
//	one, diags := skill.Find(project, "humanizer", skill.Options{IndexPath: ".plimsoll/skills.json"})
//	if !diags.HasErrors() {
//		fmt.Println(one.Name, one.Hash, one.Steps())
//	}
package skill
