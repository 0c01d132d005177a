import KnocknocModel
import Testing

@testable import KnocknocEnforcement

@Suite("commands for elements")
struct CommandBatchTests {
    let ours = ElementSet(family: .inet, table: "knocknoc", name: "g4_x", addresses: .v4, isOurs: true)
    let foreign = ElementSet(family: .ip, table: "filter", name: "allowed", addresses: .v4, isOurs: false)

    @Test("a timeout is set by adding, deleting and adding with the timeout, in this order")
    func idiom() throws {
        let batch = CommandBatch(steps: [
            .put(Element(set: ours, address: try address("192.0.2.1")), milliseconds: 4321),
            .put(Element(set: ours, address: try address("192.0.2.2")), milliseconds: 5000),
        ])
        #expect(
            batch.commands == """
                add element inet knocknoc g4_x { 192.0.2.1, 192.0.2.2 }
                delete element inet knocknoc g4_x { 192.0.2.1, 192.0.2.2 }
                add element inet knocknoc g4_x { 192.0.2.1 timeout 4321ms, 192.0.2.2 timeout 5000ms }

                """)
    }

    @Test("a removal adds first, so that an absent element does not refuse the batch")
    func removal() throws {
        let batch = CommandBatch(steps: [.remove(Element(set: ours, address: try address("192.0.2.1")))])
        #expect(
            batch.commands == """
                add element inet knocknoc g4_x { 192.0.2.1 }
                delete element inet knocknoc g4_x { 192.0.2.1 }

                """)
    }

    @Test("what is known not to be there is created at once, behind what is replaced")
    func creation() throws {
        let batch = CommandBatch(steps: [
            .create(Element(set: ours, address: try address("192.0.2.1")), milliseconds: 4321),
            .put(Element(set: ours, address: try address("192.0.2.2")), milliseconds: 5000),
            .create(Element(set: foreign, address: try address("192.0.2.3")), milliseconds: 1000),
            .create(Element(set: foreign, address: try address("192.0.2.4")), milliseconds: 999),
        ])
        #expect(
            batch.commands == """
                add element inet knocknoc g4_x { 192.0.2.2 }
                delete element inet knocknoc g4_x { 192.0.2.2 }
                add element inet knocknoc g4_x { 192.0.2.2 timeout 5000ms }
                create element inet knocknoc g4_x { 192.0.2.1 timeout 4321ms }
                create element ip filter allowed { 192.0.2.3 timeout 1000ms comment "knocknoc" }

                """)
    }

    @Test("an element in a foreign set carries our comment")
    func comment() throws {
        let batch = CommandBatch(steps: [
            .put(Element(set: foreign, address: try address("192.0.2.1")), milliseconds: 1000)
        ])
        #expect(batch.commands.contains("{ 192.0.2.1 timeout 1000ms comment \"knocknoc\" }"))
    }

    @Test(
        "less than a second is not added, least of all nothing, which nft takes for ever", arguments: [999, 1, 0, -5])
    func tooShort(milliseconds: Int64) throws {
        let batch = CommandBatch(steps: [
            .put(Element(set: ours, address: try address("192.0.2.1")), milliseconds: milliseconds)
        ])
        #expect(!batch.commands.contains("timeout"))
        #expect(batch.commands.contains("delete element inet knocknoc g4_x { 192.0.2.1 }"))
    }

    @Test("a batch holds at most 5,000 elements and loses none")
    func limit() {
        let steps = (0..<12_001).map {
            CommandBatch.Step.put(Element(set: ours, address: .v4(UInt32($0))), milliseconds: 5000)
        }
        let batches = CommandBatch.split(steps)
        #expect(batches.map(\.steps.count) == [5000, 5000, 2001])
        #expect(batches.flatMap(\.steps) == steps)
    }

    @Test("a cut flow is dropped for sixteen minutes and allowed again by the same idiom")
    func flows() throws {
        let flow = FlowKey(source: try address("2001:db8::1"), protocol: .tcp, sourcePort: 40000, port: 9000)
        #expect(
            CommandBatch(steps: [.drop(flow)]).commands == """
                add element inet knocknoc flow6 { 2001:db8::1 . tcp . 40000 . 9000 }
                delete element inet knocknoc flow6 { 2001:db8::1 . tcp . 40000 . 9000 }
                add element inet knocknoc flow6 { 2001:db8::1 . tcp . 40000 . 9000 timeout 960000ms }

                """)
        #expect(!CommandBatch(steps: [.allow(flow)]).commands.contains("timeout"))
    }
}
