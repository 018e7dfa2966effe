import FoundationEssentials
import HostNetwork

/// Where external programs are looked for.
enum SearchPath {
    static var own: String { ProcessInfo.processInfo.environment["PATH"] ?? BridgeSetup.defaultPath }
}
