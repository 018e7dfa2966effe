import ArgumentParser
import Firecracker
import Glibc
import Linux
import OCI

struct LogsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logs",
        abstract: "Print what a VM's kernel and its VMM have said: the console, not the process's own output.",
        discussion: """
            The process's output is where fc-boot's stdout is; for Docker's VMs, docker logs. The console is kept up to 1 MiB,
            in /run/runcvm/ID/vm/console.log, until the VM is deleted. The beginning of an id is enough.

              runcvm logs --tail 20 web
              runcvm logs --follow $(docker ps -lq)
            """)

    @Argument(help: "The VM's id, or its beginning.")
    var id: String

    @Flag(name: .shortAndLong, help: "Go on with what comes, until the VM ends.")
    var follow = false

    @Option(name: [.customShort("n"), .long], help: "Only the last lines, so many.")
    var tail: Int?

    func validate() throws {
        if let tail, tail < 0 { throw ValidationError("--tail \(tail): not a number of lines") }
    }

    func run() throws {
        let vm = try ListedVM.find(id)
        let path = "\(try RunDirectory(id: vm.id).vm)/console.log"
        guard Files.exists(path) else { throw Failure(.missingInput, "\(vm.id) has no console yet; fc-boot begins it") }
        let log = try Descriptor(opening: path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)  // In the VMM's own folder.
        var text = try log.readAll()
        if let tail { text = Self.last(tail, of: text) }
        try DocumentPipe.writeText(text)
        // A file cannot be waited for without inotify(7); this is for a person's eyes.
        while follow, try ListedVM.all().contains(where: { $0.id == vm.id && $0.state == .running }) {
            usleep(200_000)
            try DocumentPipe.writeText(try log.readAll())
        }
    }

    static func last(_ count: Int, of text: [UInt8]) -> [UInt8] {
        var ends = 0
        // The line feed at the very end ends a line, and begins none.
        let start = text.indices.dropLast().last { index in
            if text[index] == 0x0a { ends += 1 }
            return ends == count && text[index] == 0x0a
        }
        return count == 0 ? [] : start.map { Array(text[($0 + 1)...]) } ?? text
    }
}
