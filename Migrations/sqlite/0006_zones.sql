-- readable-from: 1
-- Zones of agents and nodes, Knocs that follow them, and Knocs that close where no server speaks to their agents.

alter table agents add column told_zone text;
alter table agents add column edge integer not null default 0;
alter table agents add column joined integer not null default 0;

alter table nodes add column zone text;

alter table knocs add column zones text not null default '[]';
alter table knocs add column placement text not null default 'all'
    constraint knocs_placement_check check (placement in ('all', 'one'));
alter table knocs add column close_after_seconds integer;

-- Where a Knoc that follows zones is enforced, as its administrator said; knoc_targets is what came of it.
create table knoc_places (
    knoc_id text not null,
    position integer not null,
    agent_id text,
    zone text,
    backend text not null,
    constraint knoc_places_pkey primary key (knoc_id, position),
    constraint knoc_places_knoc_id_fkey foreign key (knoc_id) references knocs (id) on delete cascade,
    constraint knoc_places_agent_id_fkey foreign key (agent_id) references agents (id) on delete cascade,
    constraint knoc_places_place_check check ((agent_id is null) <> (zone is null))
) strict;

create index knoc_places_agent_id_idx on knoc_places (agent_id);

alter table knoc_targets add column placed integer not null default 1;

alter table targets add column ends_alone integer not null default 1;
