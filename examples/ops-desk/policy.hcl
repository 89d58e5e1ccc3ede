# Desired state: the tier of every skill and step. People and plimsoll both edit
# this file, plimsoll one block at a time. The reasons are meant to be read.

assignment "twitter-timeline" "main" {
  tier   = ladder.desk.large
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "sales-crm-brief" "main" {
  tier   = ladder.desk.large
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "sales-crm-brief" "customer-copy" {
  tier   = ladder.desk.large
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "humanizer" "main" {
  tier   = ladder.desk.medium # went down in spring, by hand and on a hunch
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

# Both shipping notes went up together: the carrier list had grown overnight and
# the medium tier kept naming carriers that nobody had booked.
assignment "sod-ship" "main" {
  tier           = ladder.desk.large
  since          = "2026-07-01T09:00:00Z"
  from           = ladder.desk.medium
  reason         = "escalated: gates failed 6 times in a row"
  cooldown_until = "2026-07-08T02:00:00Z"
}

assignment "eod-ship" "main" {
  tier           = ladder.desk.large
  since          = "2026-07-01T09:00:00Z"
  from           = ladder.desk.medium
  reason         = "escalated: gates failed 6 times in a row"
  cooldown_until = "2026-07-08T02:00:00Z"
}

assignment "release-notes" "main" {
  tier   = ladder.desk.large
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "brand-voice" "main" {
  tier   = ladder.desk.medium
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

# These four never needed more.
assignment "standup-digest" "main" {
  tier   = ladder.desk.small
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "ticket-router" "main" {
  tier   = ladder.desk.small
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "changelog-lint" "main" {
  tier   = ladder.desk.small
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}

assignment "meeting-slots" "main" {
  tier   = ladder.desk.small
  since  = "2026-06-01T02:00:00Z"
  reason = "adopted at today's tier"
}
