import type { Activity, ActivityOutcome, Observer, Operation, ObservedClient, Telemetry } from "../api/telemetry.js";

/** A part of the telemetry that the application gave. */
export type Hook = "observe" | "begin" | "carry" | "run" | "end";

/** Receives the hook that failed and the value that it threw. */
export type ReportHook = (hook: Hook, error: unknown) => void;

type Tags = Readonly<Record<string, string>>;

/**
 * Wraps an observer. An error that it throws is reported once for each hook, and otherwise ignored.
 */
export function guarded(telemetry: Telemetry, client: ObservedClient, report: ReportHook): Observer | undefined {
  const reported = new Set<Hook>();
  const failed: ReportHook = (hook, error) => {
    if (reported.has(hook)) return;
    reported.add(hook);
    report(hook, error);
  };
  try {
    return new GuardedObserver(telemetry.observe(client), failed);
  } catch (error) {
    failed("observe", error);
    return undefined;
  }
}

class GuardedObserver implements Observer {
  readonly #observer: Observer;
  readonly #failed: ReportHook;

  constructor(observer: Observer, failed: ReportHook) {
    this.#observer = observer;
    this.#failed = failed;
  }

  begin(operation: Operation): Activity {
    try {
      const { created } = operation;
      // An observer knows its own activities again.
      const own = created === undefined ? operation : { ...operation, created: created.map(GuardedActivity.unwrap) };
      return new GuardedActivity(this.#observer.begin(own), this.#failed);
    } catch (error) {
      this.#failed("begin", error);
      return NONE; // promise: telemetry-guarded
    }
  }
}

/** An activity that could not begin. */
const NONE: Activity = {
  carry: (tags) => ({ ...tags }),
  run: (work) => work(),
  end: () => {},
};

class GuardedActivity implements Activity {
  readonly #activity: Activity;
  readonly #failed: ReportHook;

  constructor(activity: Activity, failed: ReportHook) {
    this.#activity = activity;
    this.#failed = failed;
  }

  static unwrap(this: void, activity: Activity): Activity {
    return activity instanceof GuardedActivity ? activity.#activity : activity;
  }

  carry(tags: Tags | undefined): Record<string, string> {
    try {
      const carried = this.#activity.carry(tags);
      if (areTags(carried)) return carried; // promise: telemetry-tags-checked
      this.#failed("carry", new TypeError("carry returned something else than tags"));
    } catch (error) {
      this.#failed("carry", error);
    }
    return { ...tags };
  }

  /** Runs the work exactly once, and returns its result or throws its error. */
  run<T>(work: () => T): T {
    let done: { readonly value: T } | { readonly thrown: unknown } | undefined;
    const once = (): T => {
      // promise: telemetry-work-once
      if (done === undefined) {
        try {
          done = { value: work() };
        } catch (thrown) {
          done = { thrown };
        }
      }
      if ("thrown" in done) throw done.thrown;
      return done.value;
    };
    try {
      this.#activity.run(once);
    } catch (error) {
      if (done === undefined || !("thrown" in done) || done.thrown !== error) this.#failed("run", error);
    }
    return once();
  }

  end(outcome?: ActivityOutcome): void {
    try {
      this.#activity.end(outcome);
    } catch (error) {
      this.#failed("end", error); // promise: telemetry-fault-reported
    }
  }
}

function areTags(tags: unknown): tags is Record<string, string> {
  if (typeof tags !== "object" || tags === null) return false;
  for (const value of Object.values(tags)) if (typeof value !== "string") return false;
  return true;
}
