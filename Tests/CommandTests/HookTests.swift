import Foundation
import Testing

@Suite("hooks")
struct HookTests {
    /// Runs hooks/prestart with verbs that do nothing but end as told: `VERB:STATUS`, or by a signal, `VERB:KILL`.
    private func prestart(_ ends: String) throws -> Int32 {
        let hook = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../hooks/prestart").path
        let process = Process()
        process.executableURL = URL(filePath: "/bin/bash")
        process.arguments = [
            "-c",
            """
            runcvm() {
                cat >/dev/null
                for end in $ENDS; do
                    case $end in $1:KILL) kill -KILL $BASHPID ;; $1:*) exit ${end#*:} ;; esac
                done
            }
            export -f runcvm; exec bash "$0" </dev/null 2>/dev/null
            """, hook,
        ]
        process.environment = ["PATH": "/usr/bin:/bin", "ENDS": ends]
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    @Test(
        "prestart ends with the status of the first verb that failed, or of one that was killed",
        arguments: [
            ("", 0), ("net-plan:69 state-save:65 fc-config:65", 69), ("tap-create:71 bridge-alias:65", 71),
            ("fc-config:73", 73), ("net-plan:71 bridge-alias:KILL nat-enable:65", 137), ("state-save:KILL", 137),
        ])
    func firstFailure(_ ends: String, _ status: Int32) throws {
        #expect(try prestart(ends) == status)
    }
}
