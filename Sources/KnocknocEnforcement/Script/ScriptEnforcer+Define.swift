import KnocknocModel

extension ScriptEnforcer {
    /// Takes in which targets there are; lists without one are flushed and forgotten.
    func take(_ definitions: [TargetDefinition]) {
        refusals = [:]
        var kept: [TargetID: ScriptLane.Key] = [:]
        var commands: [ScriptLane.Key: ScriptCommand] = [:]
        for definition in definitions.sorted(by: { $0.id < $1.id }) {
            do throws(EnforcementError) {
                guard let command = try command(of: definition) else { continue }
                let key = ScriptLane.Key(command)
                if definition.purpose != .enforce {
                    release(definition.id, key, command)
                } else if let other = commands[key], other != command {
                    throw EnforcementError(
                        .refused, "another Knoc calls \(command) with other variables; give this one another name")
                } else {
                    commands[key] = command
                    kept[definition.id] = key
                }
            } catch {
                refusals[definition.id] = error.message
            }
        }
        for (id, key) in targets where kept[id] != key { leave(id, key) }
        for id in kept.keys { released[id] = nil }
        targets = kept
        for (key, command) in commands { open(key, command) }
        let used = Set(kept.values)
        for key in lanes.keys where !used.contains(key) { close(key) }
        let named = Set(definitions.map(\.id))
        released = released.filter { named.contains($0.key) || lanes[$0.value] != nil }
    }

    /// - Returns: nil for a released target that this process has dealt with.
    private func command(of definition: TargetDefinition) throws(EnforcementError) -> ScriptCommand? {
        if definition.purpose != .enforce, released[definition.id] != nil || targets[definition.id] != nil {
            return nil
        }
        let backend: Backend
        do throws(ModelError) { backend = try definition.backend.validated() } catch {
            throw EnforcementError(.refused, error.message)
        }
        guard case .script(let script) = backend else {
            throw EnforcementError(.refused, "not a target of a script")
        }
        return try ScriptCommand(script, opener)
    }

    /// One that an earlier run of the agent knew: whatever it has let in goes.
    private func release(_ id: TargetID, _ key: ScriptLane.Key, _ command: ScriptCommand) {
        released[id] = key
        if lanes[key] == nil { lanes[key] = ScriptLane(command, pause: options.firstPause) }
    }

    private func leave(_ id: TargetID, _ key: ScriptLane.Key) {
        released[id] = key
        for address in (members.removeValue(forKey: id) ?? [:]).keys { lanes[key]?.pending.insert(address) }
    }

    private func open(_ key: ScriptLane.Key, _ command: ScriptCommand) {
        guard var lane = lanes[key] else {
            lanes[key] = ScriptLane(command, pause: options.firstPause)
            return
        }
        lane.isLeaving = false
        if lane.command.isSameList(as: command) {
            // The old value may be worth nothing any more: what it could not do is done with the new one.
            lane.take(command)
        } else {
            // With the old variables it may be another list.
            if lane.flushes.last != lane.command { lane.flushes.append(lane.command) }
            lane.flushes.append(command)
            lane.command = command
            lane.flushFailure = nil
        }
        lanes[key] = lane
    }

    private func close(_ key: ScriptLane.Key) {
        guard var lane = lanes[key], !lane.isLeaving else { return }
        lane.isLeaving = true
        if lane.flushes.last != lane.command { lane.flushes.append(lane.command) }
        lanes[key] = lane
    }
}
