import Foundation
import HTTPTypes

extension TestSite {
    /// Alice with one Knoc, enforced by an agent that is not there.
    struct Alice {
        let id: String
        let token: String
        let csrf: String
        let knoc: String
        let group: String
        let agent: String

        var bearer: [String: String] { ["Authorization": "Bearer \(token)"] }
    }

    func makeAlice(grantOn: String = "click", signInHeaders: [String: String] = [:]) async throws -> Alice {
        let group = try await admin(.post, "/groups", #"{"name":"staff"}"#).text("id")
        let agent = try await admin(.post, "/agents", #"{"name":"gateway"}"#).text("id")
        let user = try await admin(
            .post, "/users", #"{"username":"alice","password":"\#(Self.password)","group_ids":["\#(group)"]}"#)
        let knoc = try await admin(
            .post, "/knocs",
            #"{"name":"Wiki","url":"https://wiki.example/","group_ids":["\#(group)"],"grant_on":"\#(grantOn)","#
                + #""enforcement":[{"agent_id":"\#(agent)","backend":{"type":"dry-run"}}]}"#)
        let signIn = try await login("alice", headers: signInHeaders)
        return Alice(
            id: user.text("id"), token: signIn.text("token"), csrf: signIn.text("csrf"), knoc: knoc.text("id"),
            group: group, agent: agent)
    }

    func login(_ name: String, _ password: String = Self.password, headers: [String: String] = [:]) async throws
        -> Answer
    {
        try await post("/api/v1/login", #"{"username":"\#(name)","password":"\#(password)"}"#, headers: headers)
    }
}
