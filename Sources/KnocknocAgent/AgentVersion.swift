import KnocknocRelease

/// The version of this build.
public enum AgentVersion {
    public static let current = Release.version
}
