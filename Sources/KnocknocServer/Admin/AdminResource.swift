import KnocknocAccess
import KnocknocModel

/// One kind of thing that administrators list, make, change and delete. ``ResourcePages`` makes the pages of it.
protocol AdminResource: Sendable {
    associatedtype Subject
    associatedtype Record: Sendable
    typealias ID = Identifier<Subject>

    static var words: ResourceWords { get }
    var access: Access { get }

    /// - Parameter choice: of ``choices()``; nil for all.
    func list(after: ID?, limit: Int, choice: String?) async throws -> [Record]
    /// What the list can be narrowed to; nil where it cannot.
    func choices() async throws -> ListChoices?
    func list(after: ID?, limit: Int) async throws -> [Record]
    func record(_ id: ID) async throws -> Record
    func face(_ record: Record) -> ResourceFace<Subject>
    func table(_ records: [Record]) async throws -> (columns: [String], rows: [Table.Row])

    /// What a form shows before anything was typed.
    func values(of record: Record?) async throws -> FormValues
    func sections(of record: Record?) async throws -> [FormPage.Section]
    /// - Throws: ``FormErrors`` where something typed cannot be; what Access throws otherwise.
    func create(_ values: FormValues, by request: AdminRequest) async throws -> Created<Subject>
    func update(_ record: Record, _ values: FormValues, version: Int64?, by request: AdminRequest) async throws
    func delete(_ id: ID, version: Int64?, by request: AdminRequest) async throws
    /// What deleting it does to people who are at work now.
    func consequences(of record: Record) async throws -> [String]
    /// Adds to the page of one thing what only its kind has.
    func complete(_ page: inout FormPage, _ record: Record) async throws
    /// Adds to the page of a new thing what only its kind has.
    func complete(new page: inout FormPage, _ values: FormValues, _ site: Site, _ context: KnocknocRequestContext) async
}

extension AdminResource {
    func list(after: ID?, limit: Int, choice: String?) async throws -> [Record] {
        try await list(after: after, limit: limit)
    }
    func choices() async throws -> ListChoices? { nil }
    func complete(_ page: inout FormPage, _ record: Record) async throws {}
    func complete(
        new page: inout FormPage, _ values: FormValues, _ site: Site, _ context: KnocknocRequestContext
    ) async {}
}

/// What every kind of thing has.
struct ResourceFace<Subject> {
    var id: Identifier<Subject>
    var name: String
    var version: Int64
}

/// What was made; the token is shown this once.
struct Created<Subject> {
    var id: Identifier<Subject>
    var name: String
    var token: String?
    /// A key's secret, shown this once too.
    var secret: String?
}

/// Who asks, and from where.
struct AdminRequest: Sendable {
    var session: Session
    var context: KnocknocAccess.RequestContext
    var actor: Actor { session.actor }
}
