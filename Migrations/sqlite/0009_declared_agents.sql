-- readable-from: 1
-- Agents that a web node's files declare, and what an agent has logged.

alter table agents add column declared_by text;

alter table agent_pings add column log_lines integer;
alter table agent_pings add column log text;
