{{ config(materialized='logged', pre_hook="insert into audit.hooks select 'before'",
          post_hook=[{'sql': "insert into audit.hooks select 'after'", 'transaction': false}]) }}
select 1 as i
