// SPDX-License-Identifier: GPL-3.0-or-later
//
// A Flamenco job type: put this file into the folder `scripts` beside flamenco-manager, and restart the Manager.
// https://flamenco.blender.org/usage/job-types/
//
// One shot is one task, for its frames depend on each other. It ends with the exit codes of render_unattended.py;
// a task that is tried again fetches what the server has kept and computes the rest.

const JOB_TYPE = {
    label: "WorldWarp",
    description: "Walk the scene's camera into its picture, unattended",
    settings: [
        // For the artist:
        { key: "frames", type: "string", required: true,
          eval: "f'{C.scene.frame_start}-{C.scene.frame_end}'",
          evalInfo: { showLinkButton: true, description: "Scene frame range" },
          description: "Frames of the walk, as 101-240" },
        { key: "result_folder", type: "string", subtype: "dir_path", required: true, visible: "submission",
          description: "Where the takes go; every worker has to reach it by this path" },
        { key: "minutes", type: "int32", default: 720, visible: "submission",
          description: "Cancel the run after so many minutes" },

        // For whoever runs the farm:
        { key: "script", type: "string", subtype: "file_path", required: true, visible: "submission",
          description: "Where render_unattended.py lies for every worker" },
        { key: "server", type: "string", default: "tcp://127.0.0.1:7654", visible: "submission",
          description: "The WorldWarp server, as the worker reaches it" },

        // Filled in by Flamenco:
        { key: "blendfile", type: "string", required: true, visible: "web", description: "The .blend file" },
        { key: "profile", type: "string", required: true, eval: "C.scene.worldwarp.profile", visible: "web",
          description: "Quality, as the panel has it" },
    ],
};

function compileJob(job) {
    const settings = job.settings;
    const task = author.Task(`worldwarp-${settings.frames}`, "blender");
    task.addCommand(author.Command("blender-render", {
        exe: "{blender}",
        exeArgs: "{blenderArgs}",
        argsBefore: [],
        blendfile: settings.blendfile,
        args: ["--python-exit-code", "1", "--python", settings.script, "--"].concat(options(settings)),
    }));
    job.addTask(task);
}

// What render_unattended.py is told; a copy of the .blend with the take in it lies beside the takes.
function options(settings) {
    const name = path.stem(settings.blendfile).replace(".flamenco", "");
    const take = path.join(settings.result_folder, `${name}.worldwarp.blend`);
    return [
        "--frames", settings.frames,
        "--profile", settings.profile,
        "--output", settings.result_folder,
        "--server", settings.server,
        "--timeout", String(settings.minutes * 60),
        "--save", take,
    ];
}
