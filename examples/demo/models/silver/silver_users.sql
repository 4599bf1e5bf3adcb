{{ config(
    alias='users',
    incremental_strategy='delete+insert',
    unique_key='user_id_hashed',
    tblproperties={'delta.enableChangeDataFeed': 'true'}
) }}

-- SCD type 2. The history is derived from all changes, so a change that comes late lands where it belongs: the whole
-- history of a user is written again when any part of it differs.
SELECT history.*
FROM {{ ref('user_history') }} AS history
{%- if is_incremental() %}
WHERE history.user_id_hashed IN (
    SELECT coalesce(next.user_id_hashed, here.user_id_hashed)
    FROM {{ ref('user_history') }} AS next
    FULL OUTER JOIN {{ this }} AS here
      ON here.user_id_hashed = next.user_id_hashed AND here.valid_from = next.valid_from
    WHERE here.user_id_hashed IS NULL OR next.user_id_hashed IS NULL
       OR here.row_hash <> next.row_hash OR NOT (here.valid_to <=> next.valid_to)
       OR here.last_seen_at <> next.last_seen_at OR here.is_deleted <> next.is_deleted)
{%- endif %}
