{{ config(materialized='ephemeral') }}
with r as (select * from {{ ref('eph_rich') }})
select * from r where total > {{ var('low') }}
