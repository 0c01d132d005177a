-- readable-from: 1
-- Questions to agents wherever their links hang; tokens that change; what tells two agents with one identity apart.

-- Pings that were asked for, and their answers; swept after a minute, cheap to lose.
create table agent_pings (
    id text not null,
    agent_id text not null,
    asked_at integer not null,
    node text,
    round_trip integer,
    constraint agent_pings_pkey primary key (id),
    constraint agent_pings_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade
) strict;

create index agent_pings_agent_id_idx on agent_pings (agent_id);

-- What was audited a moment ago and is not audited again at once; cheap to lose.
create table audit_pauses (
    key text not null,
    noted_at integer not null,
    constraint audit_pauses_pkey primary key (key)
) strict;

alter table agents add column previous_token_hash blob;
alter table agents add column previous_token_until integer;

create unique index agents_previous_token_hash_key on agents (previous_token_hash);

alter table agent_links add column protocol integer;
alter table agent_links add column replacements integer not null default 0;
alter table agent_links add column replaced_at integer;
alter table agent_links add column duplicate_at integer;
alter table agent_links add column duplicate_address text;
