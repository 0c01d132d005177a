import KnocknocModel

/// Changes to elements of nftables, as the commands of one transaction. Only typed values enter it.
///
/// A timeout is set by `add E; delete E; add E timeout T`: adding an element again leaves its timeout alone before
/// Linux 6.12, and deleting one that is not there refuses the whole transaction. One that was just seen not to be there
/// takes a third of that: it is created, which refuses the whole transaction where it is there by now.
struct CommandBatch: Sendable {
    enum Step: Hashable, Sendable {
        /// An element that leaves by itself after so many milliseconds.
        case put(Element, milliseconds: Int64)
        /// The same for one that is not there.
        case create(Element, milliseconds: Int64)
        case remove(Element)
        case drop(FlowKey)
        case allow(FlowKey)
    }

    /// Elements in one transaction: more would hold the kernel's lock for long.
    static let limit = 5000
    /// Less than this is not worth adding; a timeout of 0 would be for ever.
    static let shortest: Int64 = 1000

    var steps: [Step] = []

    /// The texts of as many transactions as the limit asks for, in order.
    static func split(_ steps: [Step]) -> [CommandBatch] {
        stride(from: 0, to: steps.count, by: limit).map {
            CommandBatch(steps: Array(steps[$0..<min($0 + limit, steps.count)]))
        }
    }

    /// As text, to stand among other commands of a transaction.
    var commands: String {
        changes.map { change in
            let elements = change.elements.map { element in
                let timeout = element.milliseconds.map { " timeout \($0)ms" } ?? ""
                return element.text + timeout + (element.comment.map { " comment \"\($0)\"" } ?? "")
            }
            return "\(change.verb.rawValue) element \(change.set) \(braced(elements))\n"
        }.joined()
    }

    /// What is to be done, in order.
    var changes: [ElementChange] {
        var order: [TableSet] = []
        var all: [TableSet: [ElementChange.Item]] = [:]
        var kept: [TableSet: [ElementChange.Item]] = [:]
        var created: [TableSet: [ElementChange.Item]] = [:]
        func replace(_ set: TableSet, _ item: ElementChange.Item, _ milliseconds: Int64?, _ comment: String?) {
            if all[set] == nil, created[set] == nil { order.append(set) }
            all[set, default: []].append(item)
            guard let milliseconds, milliseconds >= Self.shortest else { return }
            var item = item
            (item.milliseconds, item.comment) = (milliseconds, comment)
            kept[set, default: []].append(item)
        }
        for step in steps {
            switch step {
            case .put(let element, let milliseconds):
                guard let set = element.set.table else { continue }
                replace(set, .init(element.address), milliseconds, set.isOurs ? nil : OwnTable.name)
            case .create(let element, let milliseconds):
                guard let set = element.set.table, milliseconds >= Self.shortest else { continue }
                if all[set] == nil, created[set] == nil { order.append(set) }
                var item = ElementChange.Item(element.address)
                (item.milliseconds, item.comment) = (milliseconds, set.isOurs ? nil : OwnTable.name)
                created[set, default: []].append(item)
            case .remove(let element):
                guard let set = element.set.table else { continue }
                replace(set, .init(element.address), nil, nil)
            case .drop(let flow): replace(.cut(flow.source.family), .init(flow), Int64(FlowSet.seconds) * 1000, nil)
            case .allow(let flow): replace(.cut(flow.source.family), .init(flow), nil, nil)
            }
        }
        return order.flatMap { set in
            let lists: [(ElementChange.Verb, [ElementChange.Item]?)] = [
                (.add, all[set]), (.delete, all[set]), (.add, kept[set]), (.create, created[set]),
            ]
            return lists.compactMap { verb, items in
                items.map { ElementChange(verb: verb, set: set, elements: $0) }
            }
        }
    }
}

/// One command about elements of one set.
struct ElementChange: Sendable {
    enum Verb: String, Sendable { case add, create, delete }

    struct Item: Sendable {
        private enum Place: Sendable {
            case address(IPAddress)
            case flow(FlowKey)
        }

        private let place: Place
        var milliseconds: Int64?
        var comment: String?

        init(_ address: IPAddress) { place = .address(address) }

        init(_ flow: FlowKey) { place = .flow(flow) }

        /// As nft(8) writes it.
        var text: String {
            switch place {
            case .address(let address): address.description
            case .flow(let flow): flow.element
            }
        }

        /// As the kernel holds it.
        var key: [UInt8] {
            switch place {
            case .address(let address): address.bytes
            case .flow(let flow): flow.bytes
            }
        }
    }

    var verb: Verb
    var set: TableSet
    var elements: [Item]
}
