import Firecracker
import Glibc
import Linux
import OCI

/// What an engine and the verbs find around them: programs, hooks, the registration with Docker, space.
struct EngineFindings {
    let installation: Installation
    let environment: [String: String]
    let path: String

    func all() -> [Finding] {
        [
            ociRuntime(), hooks(), program("mkfs.erofs", "-V", of: "erofs-utils"),
            program("mke2fs", "-V", of: "e2fsprogs"),
        ]
            + docker() + ["/var/lib/runcvm", "/var/lib/docker", "/run"].map(space)
    }

    private func ociRuntime() -> Finding {
        .of("OCI runtime") {
            let program = try Runtime(RuntimeCommandLine(arguments: []), environment: environment).real
            let outcome = try ChildProcess(program, ["--version"]).run(limit: 10)
            let version = String(decoding: outcome?.output ?? [], as: UTF8.self).split(separator: "\n").first ?? "?"
            return .ok("OCI runtime", "\(version) at \(program)")
        }
    }

    private func hooks() -> Finding {
        .of("hooks") {
            for name in ["prestart", "poststop"] { _ = try installation.hook(name) }
            guard Files.findProgram("bash", path: path) != nil else {
                return .fault("hooks", "bash not found on PATH", "apt-get install bash")
            }
            return .ok("hooks", "\(installation.directory)/hooks")
        }
    }

    private func program(_ name: String, _ option: String, of package: String) -> Finding {
        .of(name) {
            guard let program = Files.findProgram(name, path: path) else {
                return .fault(name, "not found on PATH", "apt-get install \(package)")
            }
            guard let outcome = try ChildProcess(program, [option], environment: ["PATH=\(path)"]).run(limit: 10) else {
                return .fault(name, "\(program) hangs")
            }
            let lines = (String(decoding: outcome.output, as: UTF8.self) + outcome.errors).split(separator: "\n")
            return .ok(name, "\(lines.first ?? "?")")
        }
    }

    // MARK: Docker

    private static let configuration = "/etc/docker/daemon.json"
    private static let install = "scripts/install registers it"

    private func docker() -> [Finding] {
        guard let client = Files.findProgram("docker", path: path) else {
            return [.note("Docker", "no docker on PATH", "apt-get install docker.io, where VMs shall be Docker's")]
        }
        return [registration(), .of("Docker") { try daemon(client) }]
    }

    private func registration() -> Finding {
        .of("registration") {
            guard Files.exists(Self.configuration) else {
                return .fault("registration", "\(Self.configuration): no such file", Self.install)
            }
            let document = try JSONValue(parsing: Files.read(Self.configuration), subject: Self.configuration)
            guard let registered = document["runtimes"]?["runcvm"]?["path"]?.string else {
                return .fault("registration", "\(Self.configuration): no runtimes.runcvm.path in it", Self.install)
            }
            guard let found = Files.findProgram(registered, path: path), let real = realpath(found, nil) else {
                return .fault("registration", "\(Self.configuration): \(registered): no such program", Self.install)
            }
            defer { free(real) }
            let target = String(cString: real)
            return target == installation.program
                ? .ok("registration", "\(registered) in \(Self.configuration)")
                : .note("registration", "\(registered) is \(target), and this is \(installation.program)")
        }
    }

    private func daemon(_ client: String) throws -> Finding {
        let format = "{{.ServerVersion}} {{range $name, $runtime := .Runtimes}}{{$name}} {{end}}"
        let child = ChildProcess(client, ["info", "--format", format], environment: environment.map { "\($0)=\($1)" })
        guard let outcome = try child.run(limit: 20) else {
            return .fault("Docker", "dockerd does not answer", "systemctl restart docker")
        }
        let words =
            String(decoding: outcome.output, as: UTF8.self).split(separator: "\n").last?.split(separator: " ") ?? []
        guard outcome.status == 0, let version = words.first else {
            return .fault("Docker", outcome.reason, "systemctl start docker")
        }
        guard words.dropFirst().contains("runcvm") else {
            return .fault(
                "Docker", "\(version), which has not read of the runtime runcvm", "kill -HUP $(pidof dockerd)")
        }
        return .ok("Docker", "\(version) knows the runtime runcvm")
    }

    // MARK: space

    /// In MiB: below these a start may fail.
    private static let leastOnDisk = 1024
    private static let leastInRun = 16

    private func space(_ folder: String) -> Finding {
        .of("space") {
            var existing = folder
            while !Files.exists(existing), let parent = Files.parent(of: existing) { existing = parent }
            var status = statvfs()
            try checked("statvfs", on: existing) { Int(statvfs(existing, &status)) }
            let free = (Int(status.f_bavail) * Int(status.f_frsize)) >> 20
            let least = folder == "/run" ? Self.leastInRun : Self.leastOnDisk
            let text = free >= 10240 ? "\(free >> 10) GiB free" : "\(free) MiB free"
            return free >= least
                ? .ok("space", "\(text) for \(folder)")
                : .fault("space", "\(text) for \(folder)", "runcvm needs \(least) MiB there")
        }
    }
}
