package topology

import "fmt"

// Abstention says that the model does not know, why, and what would help.
type Abstention struct {
	Topology string // "" when no topology could be predicted
	Fact     string // what is outside: "expert parallel across nodes", "gpu", an arch fact
	Why      string
	Do       string
}

func (a *Abstention) Error() string {
	if a.Topology == "" {
		return fmt.Sprintf("not predicted: %s. %s", a.Why, a.Do)
	}
	return fmt.Sprintf("%s is not predicted: %s. %s", a.Topology, a.Why, a.Do)
}
