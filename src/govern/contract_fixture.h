// The contract of the reference architecture, as its author wrote it. For tests.
#pragma once

namespace tarn::govern {

inline constexpr const char* kReferenceContract = R"(# contracts/events_v2.yaml
contract:
  name: user_interaction_events
  version: "2.0"
  owner: platform_team
  effective_date: "2026-01-01"

  schema:
    - name: event_id
      type: string
      nullable: false
      description: "UUID v4. Globally unique per event."
    - name: user_id
      type: string
      nullable: false
      description: "Internal user identifier."
    - name: event_type
      type: string
      nullable: false
      allowed_values: [page_view, click, form_submit, purchase, error]
    - name: occurred_at
      type: timestamp
      nullable: false
      description: "Client-side event time in UTC."
    - name: platform
      type: string
      nullable: false
      allowed_values: [WEB, IOS, ANDROID, BACKEND]

  sla:
    max_delay_seconds: 300
    min_daily_volume: 500000
    max_null_rate_pct: 0.1

  breaking_change_policy:
    notice_days: 14
    approval_required_from: [data-platform-team]
    migration_support: true
)";

}  // namespace tarn::govern
