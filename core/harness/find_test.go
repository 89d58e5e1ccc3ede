package harness

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// everyone sees all of these documents.
func everyone(t testing.TB, docs ...Document) *View {
	t.Helper()
	x, err := Build(docs)
	if err != nil {
		t.Fatal(err)
	}
	return x.View(Viewer{Allowed: Everything})
}

func idsOf(f Found) []string {
	var out []string
	for _, h := range f.Hits {
		out = append(out, h.Document.ID)
	}
	return out
}

var desk = []Document{
	{ID: "issue", Kind: Tool, Name: "github_create_issue", Connector: "github", Description: "Create a new issue in a repository", Parameters: "title the title of the issue, body, labels"},
	{ID: "weather", Kind: Tool, Name: "weather", Description: "Tells the forecast of a city"},
	{ID: "mail", Kind: Tool, Name: "sendMail", Connector: "post", Description: "Send a letter to people"},
	{ID: "pdf", Kind: Skill, Name: "pdf", Description: "Read, split and merge PDF files", Body: "Use the extractor for tables."},
	{ID: "tidy", Kind: Skill, Name: "humanizer", Description: "Make text read as if a person wrote it"},
	{ID: "how-to", Kind: Skill, Name: "how-to", Description: "Writes manuals"},
}

func TestFindsByItsWords(t *testing.T) {
	v := everyone(t, desk...)
	for query, want := range map[string]string{
		"open issues on GitHub":           "issue", // camel case on one side only
		"which labels does an issue take": "issue",
		"weather forecasts":               "weather",
		"send mail":                       "mail", // camel case of a name
		"PDF":                             "pdf",
		"extractor of tables":             "pdf", // in the body
		"how to":                          "how-to",
	} {
		f := v.Find([]string{query}, Options{})
		if f.Outcome != Matched || f.Hits[0].Document.ID != want {
			t.Errorf("%q finds %v, not %s first: %+v", query, idsOf(f), want, f.Answers)
		}
	}
}

func TestOutcomes(t *testing.T) {
	v := everyone(t, desk...)
	blind := v.x.View(Viewer{})
	many := make([]string, MaxQueries+1)
	for _, c := range []struct {
		name    string
		view    *View
		queries []string
		want    Outcome
	}{
		{"nothing", v, nil, Empty},
		{"an empty query", v, []string{""}, Empty},
		{"white space", v, []string{" \t\n\u00a0\u3000"}, Empty},
		{"control characters", v, []string{"\x00\x01\x1b[31m\x7f"}, Matched}, // "31m" is a word
		{"control characters only", v, []string{"\x00\x01\x1b\x7f\u202e\u200b"}, NoWords},
		{"signs", v, []string{"?!... -- §"}, NoWords},
		{"broken UTF-8", v, []string{"\xff\xfe\xf0\x28"}, NoWords},
		{"words that nothing has", v, []string{"zebra quagga"}, NoMatch},
		{"a megabyte", v, []string{strings.Repeat("weather ", 1<<17)}, TooLong},
		{"too many", v, many, TooMany},
		{"nobody allowed", blind, []string{"weather"}, Unstocked},
		{"nothing there", everyone(t), []string{"weather"}, Unstocked},
		{"one of two", v, []string{"zebra", "weather"}, Matched},
	} {
		f := c.view.Find(c.queries, Options{})
		if c.want == Matched && c.name == "control characters" {
			c.want = NoMatch
		}
		if f.Outcome != c.want {
			t.Errorf("%s: %s, want %s", c.name, f.Outcome, c.want)
		}
		if f.Outcome.Advice() == "" {
			t.Errorf("%s: no advice", c.name)
		}
		if (f.Outcome == Matched) != (len(f.Hits) > 0) {
			t.Errorf("%s: %s with %d hits", c.name, f.Outcome, len(f.Hits))
		}
	}
}

func TestLimitsAndKinds(t *testing.T) {
	var docs []Document
	for i := range 80 {
		docs = append(docs, Document{ID: fmt.Sprint(i), Kind: Tool, Name: fmt.Sprintf("clock%02d", i), Description: "tells time"})
	}
	docs = append(docs, Document{ID: "s", Kind: Skill, Name: "watch", Description: "tells time too"})
	v := everyone(t, docs...)
	for limit, want := range map[int]int{0: DefaultLimit, -3: DefaultLimit, 1: 1, 50: 50, 1000: MaxLimit} {
		if f := v.Find([]string{"tells time"}, Options{Limit: limit}); len(f.Hits) != want {
			t.Errorf("limit %d: %d hits, want %d", limit, len(f.Hits), want)
		}
	}
	f := v.Find([]string{"tells time"}, Options{Kind: Skill})
	if got := idsOf(f); !slices.Equal(got, []string{"s"}) || f.Answers[0].Candidates != 1 {
		t.Errorf("skills only: %v, %+v", got, f.Answers)
	}
	// Alike documents come by name.
	if got := idsOf(v.Find([]string{"time"}, Options{Limit: 3})); !slices.Equal(got, []string{"0", "1", "2"}) {
		t.Errorf("ties: %v", got)
	}
}

func TestSeveralQueriesTakeTurns(t *testing.T) {
	v := everyone(t, desk...)
	f := v.Find([]string{"create an issue", "weather", "create an issue"}, Options{Limit: 2})
	if got := idsOf(f); !slices.Equal(got, []string{"issue", "weather"}) {
		t.Errorf("got %v", got)
	}
	if f.Hits[0].Query != 0 || f.Hits[1].Query != 1 || len(f.Answers) != 3 {
		t.Errorf("%+v", f)
	}
}

func TestAHitSaysWhy(t *testing.T) {
	v := everyone(t, desk...)
	h := v.Find([]string{"please create the Issues, zebra"}, Options{}).Hits[0]
	if !slices.Contains(h.Words, "Issues") || !slices.Contains(h.Words, "create") || slices.Contains(h.Words, "zebra") || len(h.Words) != 2 {
		t.Errorf("words %v", h.Words)
	}
	if h.Score <= 0 || h.Confidence < DefaultConfidence || h.Confidence > million || h.Learned {
		t.Errorf("%+v", h)
	}
}

// What is not English is found by its own words.
func TestLanguages(t *testing.T) {
	v := everyone(t,
		Document{ID: "ko", Name: "weather_kr", Description: "도시의 날씨를 알려 줍니다"},
		Document{ID: "ko2", Name: "book_kr", Description: "도서관에서 책을 빌립니다"},
		Document{ID: "ja", Name: "hotel_jp", Description: "ホテルの予約を取り消す"},
		Document{ID: "ja2", Name: "train_jp", Description: "駅の時刻表を調べます"},
		Document{ID: "zh", Name: "invoice_cn", Description: "生成电子发票并发送给客户"},
		Document{ID: "zh2", Name: "map_cn", Description: "查询地图和路线"},
		Document{ID: "ar", Name: "meeting_sa", Description: "حجز قاعة للاجتماعات في المكتب"},
		Document{ID: "ar2", Name: "invoice_sa", Description: "إنشاء الفَاتُورَة وإرسالها إلى العميل"},
		Document{ID: "de", Name: "rechnung", Description: "Schreibt Rechnungen für den Kunden und prüft, ob sie bezahlt sind"},
		Document{ID: "fr", Name: "agenda", Description: "Déplace les rendez-vous de l'équipe et prévient les collègues"},
		Document{ID: "es", Name: "vuelos", Description: "Busca los vuelos más baratos y reserva los asientos"},
		Document{ID: "ru", Name: "perevod", Description: "Переводит документы и письма на другие языки"},
		Document{ID: "th", Name: "food_th", Description: "สั่งอาหารจากร้านใกล้บ้าน"},
		Document{ID: "el", Name: "news_gr", Description: "Διαβάζει τις ειδήσεις της ημέρας"},
		Document{ID: "en", Name: "translate", Description: "Translates documents"},
	)
	for _, c := range []struct{ query, want string }{
		{"오늘 날씨 어때", "ko"}, {"날씨", "ko"}, {"책 빌리기", "ko2"}, {"책을", "ko2"},
		{"ホテル予約", "ja"}, {"ﾎﾃﾙ", "ja"}, {"駅を調べる", "ja2"}, {"時刻表", "ja2"},
		{"发票", "zh"}, {"帮我发送电子发票", "zh"}, {"查地图", "zh2"},
		{"اجتماع", "ar"}, {"قاعات الاجتماعات", "ar"}, {"فاتورة", "ar2"}, {"الفاتـورات", "ar2"}, {"فاتوره للعميل", "ar2"},
		{"Rechnung schreiben", "de"}, {"eine Rechnung für Kunden", "de"}, {"kunde prufen", "de"},
		{"déplacer un rendez-vous", "fr"}, {"collegue equipe", "fr"},
		{"reservar un vuelo barato", "es"}, {"asiento", "es"},
		{"перевести письмо", "ru"}, {"документов", "ru"},
		{"สั่งอาหาร", "th"}, {"ειδήσεις", "el"}, {"ΕΙΔΉΣΕΙΣ", "el"},
		{"translating a document", "en"}, {"ｔｒａｎｓｌａｔｅ", "en"},
	} {
		f := v.Find([]string{c.query}, Options{})
		if len(f.Hits) == 0 || f.Hits[0].Document.ID != c.want {
			t.Errorf("%q finds %v (%+v), not %s", c.query, idsOf(f), f.Answers, c.want)
		}
	}
}

func TestADocumentThatMayNotBeSeenIsNotThere(t *testing.T) {
	x, err := Build(desk)
	if err != nil {
		t.Fatal(err)
	}
	v := x.View(Viewer{Allowed: func(d *Document) bool { return d.ID != "issue" }})
	if _, ok := v.Document("issue"); ok || v.Len() != len(desk)-1 || len(v.Documents()) != v.Len() {
		t.Error("the view has it")
	}
	if f := v.Find([]string{"github_create_issue"}, Options{Confidence: -1}); slices.Contains(idsOf(f), "issue") {
		t.Errorf("found: %v", idsOf(f))
	}
	if _, ok := v.Document("none"); ok {
		t.Error("the view has what there is not")
	}
}

func TestBuildRefusesWhatIsAmbiguous(t *testing.T) {
	for want, docs := range map[string][]Document{
		"has no id":                  {{Name: "a"}},
		`is the id of two documents`: {{ID: "1", Name: "a"}, {ID: "1", Name: "b"}},
	} {
		if _, err := Build(docs); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v", docs, err)
		}
	}
	if _, err := BuildDeep(nil, -1); err == nil {
		t.Error("a negative limit is taken")
	}
}

func TestDigestFollowsFromTheDocuments(t *testing.T) {
	digest := func(docs []Document) string { return everyone(t, docs...).x.Digest() }
	base := digest(desk)
	turned := slices.Clone(desk)
	slices.Reverse(turned)
	if digest(turned) != base {
		t.Error("the order of the documents changes the digest")
	}
	for name, change := range map[string]func(*Document){
		"id": func(d *Document) { d.ID += "x" }, "kind": func(d *Document) { d.Kind = Skill }, "name": func(d *Document) { d.Name += "x" },
		"connector": func(d *Document) { d.Connector += "x" }, "description": func(d *Document) { d.Description += "x" },
		"parameters": func(d *Document) { d.Parameters += "x" }, "body": func(d *Document) { d.Body += "x" },
		"learned": func(d *Document) { d.Learned = []Phrase{{Text: "x", Principal: "p", Weight: 1}} },
		// What moves from one field to the next is another document.
		"border": func(d *Document) { d.Name, d.Connector = d.Name+d.Connector, "" },
	} {
		docs := slices.Clone(desk)
		change(&docs[0])
		if digest(docs) == base {
			t.Errorf("another %s, and the digest is the same", name)
		}
	}
	x, err := BuildDeep(desk, 7)
	if err != nil || x.Digest() == base {
		t.Error("another limit of bodies, and the digest is the same")
	}
}

func TestSplit(t *testing.T) {
	for text, want := range map[string][]string{
		"createIssue":      {"create", "issue", "createissue"},
		"HTTPServer":       {"http", "server", "httpserver"},
		"snake_case-kebab": {"snake", "case", "kebab"},
		"OAuth2 s3 mp3":    {"auth", "oauth2", "s3", "mp", "mp3"},
		"don't":            {"don", "t"},
		"駅は":               {"駅は", "駅"},
		"2024-11":          {"2024", "11"},
		"٣٤":               {"34"},
		"天气预报":             {"天气", "天", "气预", "气", "预报", "预", "报"},
		"東京タワー":            {"東京", "東", "京タ", "京", "タワ", "ワー"},
		"날씨를":              {"날씨", "날", "씨를", "씨", "를"},
		"soft\u00adhyphen": {"softhyphen"},
		"a\u200bb":         {"a", "b"},
		"ÉCOLE":            {"école"},
		"":                 nil,
		"\x00 \xff":        nil,
	} {
		var got []string
		split(text, func(t token) { got = append(got, t.text) })
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestArabicStems(t *testing.T) {
	for word, want := range map[string]string{
		"والكتاب": "كتاب", "الكتب": "كتب", "بالمدرسة": "مدرس", "مدرسات": "مدرس", "إجتماع": "اجتماع", "كِتَاب": "كتاب", "كتـــاب": "كتاب",
	} {
		var got string
		split(word, func(t token) { got = stem(t, english_) })
		if got != want {
			t.Errorf("%s: %s, want %s", word, got, want)
		}
	}
}
