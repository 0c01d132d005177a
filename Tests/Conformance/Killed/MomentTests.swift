import KnocknocMoments
import Lab
import Testing

extension WholeSystem {
    /// kill -9 at named moments of a change, in real processes on a real kernel (docs/testing.md, "Moments").
    @Suite("killed at a moment of a change") struct MomentTests {
        @Test("no moment is missing from the table")
        func table() { #expect(Set(MomentCase.places.keys) == Set(Moment.allCases)) }

        @Test(
            "at every moment: never open past its end, never to another address, and the same everywhere in the end",
            .timeLimit(.minutes(8)))
        func some() async throws { try await run(MomentCase.some) }

        @Test(
            "at every moment of every operation, whoever is killed", .onlyLong, .timeLimit(.minutes(40)))
        func all() async throws { try await run(MomentCase.all) }

        private func run(_ cases: [MomentCase]) async throws {
            try await Site.run(.twoNodes) { site in
                let scene = try await MomentScene(site)
                let begun = Clock.now
                for item in cases {
                    do { try await scene.run(item) } catch {
                        throw LabError("\(item): \(error)")
                    }
                }
                Lab.measured("\(cases.count) kills at moments: \(Int(Clock.now - begun)) s")
                try await scene.end()
            }
        }
    }
}
