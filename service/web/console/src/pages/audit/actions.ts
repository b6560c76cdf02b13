// Whatever the service writes into the audit: what the filter offers.
export const ACTIONS = [
  "session.began", "session.ended",
  "account.created", "account.changed", "account.disabled", "account.enabled", "account.bound",
  "account.unbound",
  "account.moved_in", "account.moved_out",
  "account.password_changed", "account.password_reset", "account.login_slowed",
  "token.created", "token.revoked",
  "camera.created", "camera.changed", "camera.removed", "camera.moved_in", "camera.moved_out",
  "camera.window_opened", "camera.window_ended",
  "place.created", "place.renamed", "place.removed", "place.imported",
  "camera.proposal_accepted", "verdict.given",
  "evidence.viewed", "evidence.held", "evidence.released", "evidence.retention_changed",
  "probe.asked", "probe.cancelled", "place_picture.asked", "place_picture.viewed",
  "drills.registered",
] as const;
