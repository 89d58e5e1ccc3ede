package judge

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/core/evidence"
)

// Earlier gives the terms that these labels allowed when those that made them
// were all there were, by the terms' digest of labels; nil when they were never
// so. An epoch keeps its terms while labels are added: they were fixed before its
// first item, and the bound from labels holds at every number of them. What was
// added counts from the next epoch on.
//
// A state of the labels is all of them up to some time. Labels that a merge put
// among those that an epoch counted make another state, and open another epoch.
func Earlier(ls Labels, a Ask, digest string) (*evidence.JudgeTerms, error) {
	var last time.Time
	for i := len(ls); i > 0; i-- {
		if i < len(ls) && ls[i-1].At.Equal(last) {
			continue // labels of one time were added together
		}
		last = ls[i-1].At
		got, err := a.used(a.now(a.mine(ls[:i]))).Digest()
		if err != nil {
			return nil, err
		}
		if got != digest {
			continue
		}
		granted, err := Grant(ls[:i], a)
		return granted.Terms, err
	}
	return nil, nil
}

// mine are the labels of the judge on this comparison, whatever it was then.
func (a Ask) mine(ls Labels) Labels {
	return ls.Where(func(l Label) bool {
		return l.Judge == a.Judge && l.Family == a.Family && (l.Arm == a.Current || l.Arm == a.Candidate) && (a.Simulated || !l.Simulated)
	})
}

// now are those of the judge as it is.
func (a Ask) now(mine Labels) Labels {
	return mine.Where(func(l Label) bool { return l.Pin == a.Pin })
}

// used are those of the dimensions that count.
func (a Ask) used(now Labels) Labels {
	return now.Where(func(l Label) bool { return wanted(l, a.Dimensions) })
}
