/// Which kind of site fits; what `--guide` prints.
public enum Guide {
    static let sources = [
        "1: one machine, or the first of several; knocker exposedb opens its database to others later.",
        "2: a managed service or your own cluster; web nodes are then all alike.",
        "3: for every node after the first.",
        "A database in a file instead, for one node for good: knocknoc-setup --embedded.",
    ]

    public static let text = """
        Which kind of site?

        Trying it, or one small machine that also is the firewall
            knocknoc serve --all-in-one --data-dir DIR       nothing to set up

        One web node, few people, nothing else to look after
            knocknoc-setup --embedded                        SQLite in a file; knocker migrate-db moves it
                                                             to Postgres later

        One web node, which may become several
            knocknoc-setup, option 1                         Postgres on this machine, closed to others

        Several web nodes, one of them with the database
            first node:  option 1, then  sudo knocker exposedb --init
                                         sudo knocker exposedb --add ADDRESS-OF-THE-NEXT
            each other:  knocknoc-setup, option 3, with the string that exposedb printed
            in front:    knocker haproxy --init --node NAME=HOST:PORT …
            When the first node is lost, so is the service, until it is back or knocker promote has
            made its standby the primary (knocker replica).

        Several web nodes, and a database that survives the loss of a machine
            a managed Postgres, or Patroni on three machines (knocknoc scaffold --patroni)
            first node:  knocknoc-setup, option 2            makes the tables
            each other:  knocknoc-setup, option 3            the same string

        Agents run beside the firewalls, in each of these; they dial out to the portal's address.
        A load balancer keeps a browser on its node by a cookie; sessions live in the database, so a
        node that is lost signs nobody out.

        """
}
