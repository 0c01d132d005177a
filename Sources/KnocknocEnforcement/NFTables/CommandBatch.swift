import KnocknocModel

/// Changes to elements, as the commands of one transaction. Only typed values enter it.
///
/// A timeout is set by `add E; delete E; add E timeout T`: adding an element again leaves its timeout alone before
/// Linux 6.12, and deleting one that is not there refuses the whole transaction.
struct CommandBatch: Sendable {
    enum Step: Hashable, Sendable {
        /// An element that leaves by itself after so many milliseconds.
        case put(Element, milliseconds: Int64)
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

    var commands: String {
        var order: [ElementSet] = []
        var puts: [ElementSet: [(IPAddress, Int64)]] = [:]
        var all: [ElementSet: [String]] = [:]
        var drops: [FlowKey] = []
        var flows: [FlowKey] = []
        for step in steps {
            switch step {
            case .put(let element, let milliseconds):
                if all[element.set] == nil { order.append(element.set) }
                all[element.set, default: []].append(element.address.description)
                if milliseconds >= Self.shortest {
                    puts[element.set, default: []].append((element.address, milliseconds))
                }
            case .remove(let element):
                if all[element.set] == nil { order.append(element.set) }
                all[element.set, default: []].append(element.address.description)
            case .drop(let flow):
                drops.append(flow)
                flows.append(flow)
            case .allow(let flow):
                flows.append(flow)
            }
        }
        var text = ""
        for set in order {
            text += Self.replacing(set.description, all[set] ?? [])
            let comment = set.isOurs ? "" : " comment \"\(OwnTable.name)\""
            text += Self.element("add", set.description, (puts[set] ?? []).map { "\($0) timeout \($1)ms\(comment)" })
        }
        for set in FlowSet.allCases {
            let name = "inet \(OwnTable.name) \(set.name)"
            text += Self.replacing(name, flows.filter { FlowSet($0.source.family) == set }.map(\.element))
            let kept = drops.filter { FlowSet($0.source.family) == set }
            text += Self.element("add", name, kept.map { "\($0.element) timeout \(FlowSet.seconds)s" })
        }
        return text
    }

    private static func replacing(_ set: String, _ elements: [String]) -> String {
        element("add", set, elements) + element("delete", set, elements)
    }

    private static func element(_ verb: String, _ set: String, _ elements: [String]) -> String {
        elements.isEmpty ? "" : "\(verb) element \(set) \(braced(elements))\n"
    }
}
