package harness

import (
	"slices"
	"strings"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
)

// language of the Latin letters in a text. Other scripts say by themselves how
// they are stemmed.
type language uint8

const (
	english_ language = iota
	german_
	french_
	spanish_
	italian_
	portuguese_
	dutch_
	languages // how many
)

// languageSet has a bit for each language.
type languageSet uint8

func (s languageSet) has(l language) bool { return s&(1<<l) != 0 }

// The words that a language is told by, and that are not searched for in it.
// Short on purpose: rare words weigh most anyhow, and what stands here cannot be
// found. English has the words of a request besides, which stand in every query
// that a person types and say nothing of what is wanted.
var stopText = [languages]string{
	english_: `a about also am an and any are as at be been being but by can could d did do does doing for from had has
		have having he help her here him his how i if in into is it its just like ll m me more most my need no not of on
		or other our own please re s same she should so some such t than that the their them then there these they this
		those to too us ve very want was we were what when where which while who whom why will with would you your`,
	german_: `aber alle als also am an auch auf aus bei bin bis bitte da damit das dass dein dem den der des die dies
		diese dieser dieses doch du durch ein eine einem einen einer eines er es für gegen haben hat hier ich ihr ihre im
		in ist ja kann kein keine können man mein meine mich mir mit möchte muss nach nicht noch nur ob oder ohne sein
		seine sich sie sind so über um und uns unser unter vom von vor war was wenn werden wie wir wird wo zu zum zur`,
	french_: `à au aux avec avez c ce ces cet cette comme d dans de des du elle elles en est et être eux fait faire il ils
		j je l la le les leur lui ma mais me mes moi mon n ne nos notre nous on ou où par pas peut plus pour qu que qui s sa
		sans se ses si son sont sur ta te tes toi ton tu un une veux vos votre vous y`,
	spanish_: `a al algo ante como con cual cuando de del desde donde el ella ellos en entre era es esa ese eso esta este
		esto está estoy fue ha hacer hasta hay la las le les lo los me mi mis muy más nada ni no nos nosotros o otra otro
		para pero por porque puede que quiero qué se ser si sin sobre son su sus también te tengo tiene todo tu un una uno
		unos y ya yo`,
	italian_: `a ad ai al alla alle anche che chi ci come con cui da dal dalla dei del della delle di dove e ed è era essere
		fa fare gli ha hai ho i il in io la le lei lo loro lui ma mi mia mio ne nei nel nella noi non o per perché più può
		quale quando quello questa questo se sei si sia solo sono su sua suo sul sulla ti tra tu tutto un una uno vi voglio`,
	portuguese_: `a ao aos as até com como da das de dela dele do dos e é ela ele em entre era essa esse esta está este eu
		fazer foi há isso isto já lhe mais mas me meu minha muito na nas não nem no nos nós o os ou para pela pelo por qual
		quando que quem quero se sem ser seu sua são só também te tem um uma você`,
	dutch_: `aan al alle als bij dat de der deze die dit door een en er ga geen had heb hebben heeft het hij hoe hun ik in
		is je kan maar me met mij mijn moet naar niet nog nu of om onder ons ook op over te tot uit van veel voor waar was
		wat we wel wij wil worden wordt zal ze zich zijn zo zou`,
}

// Words of other scripts that are in most requests.
const stopOther = `и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее мне было вот от меня еще нет о из ему
	для мы их чем была сам чтоб без этот это мой моя мои хочу нужно можно пожалуйста
	في من على عن الى مع هذا هذه ان لا ما هل او ثم كل انا هو هي التي الذي اريد كيف لي
	する した して ます です から まで ので こと くだ ださ さい たい よう くれ
	해줘 해주 주세 세요 합니 니다 하는 하고 습니
	的 了 我 是 请 和 在 帮我 我要 一个 我想 请帮`

// lexicon has the stop lists in the form that they are looked up. It is made
// once for an index and is never written to after.
type lexicon struct {
	stop  map[string]languageSet // of words in Latin letters
	other map[string]struct{}    // of other scripts
}

func newLexicon() *lexicon {
	l := &lexicon{stop: map[string]languageSet{}, other: map[string]struct{}{}}
	for i, text := range stopText {
		for _, w := range strings.Fields(text) {
			l.stop[w] |= 1 << i
		}
	}
	for _, w := range strings.Fields(stopOther) {
		l.other[w] = struct{}{}
	}
	return l
}

// language of a text by the stop words in it: the language with the most, and
// English where that says nothing, since names and code are English.
func (l *lexicon) language(texts ...[]token) language {
	var count [languages]int
	for _, t := range slices.Concat(texts...) {
		if t.script != latin {
			continue
		}
		if in := l.stop[t.text]; in != 0 {
			for i := range count {
				if in.has(language(i)) {
					count[i]++
				}
			}
		}
	}
	best := english_
	for i := range count {
		// One shared word ("in", "die", "a") is no sign of another language.
		if count[i] > count[best] && count[i] >= count[english_]+2 {
			best = language(i)
		}
	}
	return best
}

func (l *lexicon) stops(t token, lang language) bool {
	switch t.script {
	case latin:
		return l.stop[t.text].has(lang)
	case digit, plain:
		return false
	}
	_, ok := l.other[t.text]
	return ok
}

// stem is the term under which a token is indexed.
func stem(t token, lang language) string {
	switch t.script {
	case latin:
		if len(t.text) < 3 {
			return bare(t.text)
		}
		env := snowballstem.NewEnv(t.text)
		switch lang {
		case german_:
			german.Stem(env)
		case french_:
			french.Stem(env)
		case spanish_:
			spanish.Stem(env)
		case italian_:
			italian.Stem(env)
		case portuguese_:
			portuguese.Stem(env)
		case dutch_:
			dutch.Stem(env)
		default:
			english.Stem(env)
		}
		return bare(env.Current())
	case cyrillic:
		env := snowballstem.NewEnv(t.text)
		russian.Stem(env)
		return env.Current()
	case arabic:
		return arabicStem(t.text)
	}
	return t.text
}

// stems are the terms of a token in any of the languages, without repeats, the
// order fixed by that of the languages.
func stems(t token, in languageSet) []string {
	if t.script != latin {
		return []string{stem(t, english_)}
	}
	out := make([]string, 0, 2)
	for lang := range languages {
		if !in.has(lang) {
			continue
		}
		if s := stem(t, lang); !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
