package harness

import "testing"

func TestFindsByItsWords(t *testing.T) {
	x, err := Build([]Document{
		{ID: "1", Kind: Tool, Name: "github_create_issue", Description: "Create a new issue in a GitHub repository"},
		{ID: "2", Kind: Tool, Name: "weather", Description: "Tells the forecast of a city"},
		{ID: "3", Kind: Skill, Name: "calendar", Description: "Kalender: Termine anlegen und verschieben, auch für die Kollegen"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]string{"open issues on github": "1", "weather forecasts": "2", "einen Termin anlegen": "3"} {
		f := x.Find(Viewer{Allowed: Everything}, []string{query}, Options{})
		if f.Outcome != Matched || f.Hits[0].Document.ID != want {
			t.Errorf("%q: %+v", query, f)
		}
	}
}
