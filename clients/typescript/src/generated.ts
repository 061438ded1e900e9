/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';
/** What a call needs, and what an API key may hold. */
export type Access =
  /** Change members, keys and the workspace's settings. */
  | 'MANAGE'
  /** Look at everything but keys. */
  | 'READ'
  /** Tell events. */
  | 'TRACK'
  /** Change subscribers, templates and sequences. */
  | 'WRITE';

/** A test of an attribute. */
export type AttributeConditionInput = {
  /** Which attribute. */
  name: string;
  /** What must be true of it. */
  test: AttributeTestInput;
};

/** About one attribute; a value of another type makes it false. */
export type AttributeTestInput =
  {   /** Whether there is a value that is not null. */
  isSet: boolean; number?: never; text?: never; time?: never; truth?: never; }
  |  { isSet?: never;   /** For numbers. */
  number: NumberTestInput; text?: never; time?: never; truth?: never; }
  |  { isSet?: never; number?: never;   /** For texts. */
  text: TextTestInput; time?: never; truth?: never; }
  |  { isSet?: never; number?: never; text?: never;   /** For texts such as `2026-03-01` or `2026-03-01T09:30:00+02:00`; in UTC when there is no offset. */
  time: TimeTestInput; truth?: never; }
  |  { isSet?: never; number?: never; text?: never; time?: never;   /** For true and false. */
  truth: boolean; };

/** Dates are kept as `2024-02-29`, times as `2024-02-29T12:00:00Z`. */
export type AttributeType =
  /** True or false. */
  | 'BOOLEAN'
  /** A day, kept as `2024-02-29`. */
  | 'DATE'
  /** A time, kept in UTC as `2024-02-29T12:00:00Z`. */
  | 'DATETIME'
  /** A whole number. */
  | 'INTEGER'
  /** A number with decimals. */
  | 'NUMBER'
  /** Any text. */
  | 'TEXT';

/** One way out of a branch. */
export type BranchArmInput = {
  /** For whom. */
  condition: ConditionInput;
  /** The step that follows; null for the end. */
  next?: string | null | undefined;
};

/** Goes the first way whose condition is true. */
export type BranchStepInput = {
  /** 1 to 50 ways, in order. */
  branches: Array<BranchArmInput>;
  /** 1 to 64 letters, digits, `-` or `_`; stays the same when the step is edited. */
  key: string;
  /** The step for everybody else; null for the end. */
  otherwise?: string | null | undefined;
};

/** What the column with this header is. */
export type ColumnMappingInput = {
  /** The header, as it stands in the file. */
  column: string;
  /** For `ATTRIBUTE`: the attribute's or property's name; null for the header's. */
  key?: string | null | undefined;
  /** Where its values go. */
  target: ColumnTarget;
  /** For `ATTRIBUTE`: the type, strictly; null to detect it, leniently. */
  type?: AttributeType | null | undefined;
};

/** Where the values of a column go. `NAME`, `OCCURRED_AT`, `VALUE`, `CURRENCY` and `KEY` are of files of events only. */
export type ColumnTarget =
  /** An attribute; in files of events, a property. */
  | 'ATTRIBUTE'
  /** Since when the person is known. */
  | 'CREATED_AT'
  /** The value's currency, ISO 4217. */
  | 'CURRENCY'
  /** The e-mail address; needed in every file. */
  | 'EMAIL'
  /** Their given name. */
  | 'FIRST_NAME'
  /** Nowhere. */
  | 'IGNORE'
  /** The event's idempotency key. */
  | 'KEY'
  /** Their family name. */
  | 'LAST_NAME'
  /** The language tag. */
  | 'LOCALE'
  /** The event's name. */
  | 'NAME'
  /** When the event happened. */
  | 'OCCURRED_AT'
  /** Tags, with `,`, `;` or `|` between them. */
  | 'TAGS'
  /** The IANA time zone. */
  | 'TIMEZONE'
  /** The event's value. */
  | 'VALUE';

/** A tree of tests about a subscriber. Each is true or false: what is not known makes a test false, and `not` of it true. */
export type ConditionInput =
  {   /** All are true; true for everybody when empty. Up to 100 parts in the tree. */
  all: Array<ConditionInput>; any?: never; attribute?: never; created?: never; engagement?: never; eventCount?: never; hasTag?: never; not?: never; profile?: never; }
  |  { all?: never;   /** At least one is true; false when empty. Up to 100 parts in the tree. */
  any: Array<ConditionInput>; attribute?: never; created?: never; engagement?: never; eventCount?: never; hasTag?: never; not?: never; profile?: never; }
  |  { all?: never; any?: never;   /** About one attribute. */
  attribute: AttributeConditionInput; created?: never; engagement?: never; eventCount?: never; hasTag?: never; not?: never; profile?: never; }
  |  { all?: never; any?: never; attribute?: never;   /** About when the subscriber was first known here. */
  created: TimeTestInput; engagement?: never; eventCount?: never; hasTag?: never; not?: never; profile?: never; }
  |  { all?: never; any?: never; attribute?: never; created?: never;   /** About what the subscriber did with mail. */
  engagement: EngagementConditionInput; eventCount?: never; hasTag?: never; not?: never; profile?: never; }
  |  { all?: never; any?: never; attribute?: never; created?: never; engagement?: never;   /** About what the subscriber did. */
  eventCount: EventCountConditionInput; hasTag?: never; not?: never; profile?: never; }
  |  { all?: never; any?: never; attribute?: never; created?: never; engagement?: never; eventCount?: never;   /** The subscriber has this tag. */
  hasTag: string; not?: never; profile?: never; }
  |  { all?: never; any?: never; attribute?: never; created?: never; engagement?: never; eventCount?: never; hasTag?: never;   /** It is false. */
  not: ConditionInput; profile?: never; }
  |  { all?: never; any?: never; attribute?: never; created?: never; engagement?: never; eventCount?: never; hasTag?: never; not?: never;   /** About e-mail, names, time zone, locale, status. */
  profile: ProfileConditionInput; };

/** A new sequence. */
export type CreateSequenceInput = {
  /** Its graph, perhaps unfinished. */
  draft: SequenceDraftInput;
  /** 1 to 200 characters. */
  name: string;
};

/** What was done with a message: taken by the mail server, opened by a person, clicked by a person. */
export type EngagementAction =
  /** A person followed a link in it. */
  | 'CLICKED'
  /** A person opened it, as far as can be told. */
  | 'OPENED'
  /** The mail server took it. */
  | 'RECEIVED';

/** What was done with at least one message of a sequence. */
export type EngagementConditionInput = {
  /** What was done. */
  action: EngagementAction;
  /** With the mail of which sequence. */
  sequenceId: string | number;
  /** Of which step; null for any. */
  stepKey?: string | null | undefined;
  /** Only in the last so many seconds, up to ten years; null for ever. */
  withinSeconds?: number | null | undefined;
};

/** What kind of failure; stable, for programs. */
export type ErrorCode =
  /** There is such a thing already. */
  | 'ALREADY_EXISTS'
  /** It has moved on: another edit, or a state that forbids this. */
  | 'CONFLICT'
  /** Who asks may not do this. */
  | 'FORBIDDEN'
  /** A value that cannot be taken. */
  | 'INVALID'
  /** Too much, or too many. */
  | 'LIMIT_EXCEEDED'
  /** There is no such thing in this workspace. */
  | 'NOT_FOUND'
  /** Too often: the same will be done later. */
  | 'RATE_LIMITED'
  /** Something is missing. */
  | 'REQUIRED'
  /** Nobody, or nobody any more, is signed in. */
  | 'UNAUTHENTICATED';

/** How often a custom event happened. */
export type EventCountConditionInput = {
  /** From 0 to 1,000,000. */
  count: number;
  /** The event's name. */
  name: string;
  /** How to compare the count. */
  operator: NumberOperator;
  /** Only those of the last so many seconds, up to ten years; null for all. */
  withinSeconds?: number | null | undefined;
};

/** A custom event happens. */
export type EventTriggerInput = {
  /** The event's name. */
  name: string;
};

/** Leaves the sequence. */
export type ExitStepInput = {
  /** 1 to 64 letters, digits, `-` or `_`; stays the same when the step is edited. */
  key: string;
};

/** What is wrong; stable, for programs. */
export type IssueCode =
  /** Two steps have the same key, or two triggers are the same. */
  | 'DUPLICATE'
  /** There are no steps. */
  | 'EMPTY'
  /** Steps lead back to themselves without a wait. */
  | 'ENDLESS_LOOP'
  /** A value that cannot be taken. */
  | 'INVALID'
  /** A condition names a sequence that does not exist. */
  | 'MISSING_SEQUENCE'
  /** A step leads to one that does not exist. */
  | 'MISSING_TARGET'
  /** A template does not exist. */
  | 'MISSING_TEMPLATE'
  /** The first step is not set, or does not exist. */
  | 'NO_START'
  /** Nothing lets anybody in. */
  | 'NO_TRIGGER'
  /** More steps or triggers than there may be. */
  | 'TOO_LARGE'
  /** An attribute in a condition that nobody has yet; a warning. */
  | 'UNKNOWN_ATTRIBUTE'
  /** Nobody can get to a step. */
  | 'UNREACHABLE';

/** Waiting, at work, or ended well or not. */
export type JobStatus =
  /** Ended badly: `error` says why. */
  | 'FAILED'
  /** Waits for a worker. */
  | 'QUEUED'
  /** A worker is at it. */
  | 'RUNNING'
  /** Ended well: `result` says what came of it. */
  | 'SUCCEEDED';

/** How numbers are compared. */
export type NumberOperator =
  /** Greater or the same. */
  | 'AT_LEAST'
  /** Smaller or the same. */
  | 'AT_MOST'
  /** The same. */
  | 'EQUALS'
  /** Smaller, and not the same. */
  | 'LESS_THAN'
  /** Greater, and not the same. */
  | 'MORE_THAN';

/** A comparison with a number. */
export type NumberTestInput = {
  /** How to compare. */
  operator: NumberOperator;
  /** To compare with. */
  value: number;
};

/** A test of the profile. */
export type ProfileConditionInput = {
  /** Which text. */
  field: ProfileField;
  /** What must be true of it. */
  test: ProfileTestInput;
};

/** A text that each profile has. */
export type ProfileField =
  /** The address, in small letters. */
  | 'EMAIL'
  /** Their given name. */
  | 'FIRST_NAME'
  /** Their family name. */
  | 'LAST_NAME'
  /** Language tag, such as `pt-BR`. */
  | 'LOCALE'
  /** A `SubscriberStatus` in small letters, such as `subscribed`. */
  | 'STATUS'
  /** IANA name, such as `Europe/Berlin`. */
  | 'TIMEZONE';

/** About one text of the profile. */
export type ProfileTestInput =
  {   /** Whether there is one. */
  isSet: boolean; text?: never; }
  |  { isSet?: never;   /** What it says. */
  text: TextTestInput; };

/** What a member may do; each includes those below it. */
export type Role =
  /** May do everything. */
  | 'ADMIN'
  /** Reads, tracks and writes, but manages no members, keys or settings. */
  | 'EDITOR'
  /** May do everything, and was here first or was made one. */
  | 'OWNER'
  /** Reads. */
  | 'VIEWER';

/** Sends a mail. */
export type SendEmailStepInput = {
  /** 1 to 64 letters, digits, `-` or `_`; stays the same when the step is edited. */
  key: string;
  /** The step that follows; null for the end. */
  next?: string | null | undefined;
  /** What to send. */
  templateId: string | number;
};

/** The whole graph. A draft may be unfinished: what is wrong with it is told by `validateSequence`, and keeps it from being published. */
export type SequenceDraftInput = {
  /** The first step's key; null for the first of `steps`. */
  start?: string | null | undefined;
  /** All steps: 1 to 500, to be published. */
  steps?: Array<StepInput>;
  /** What lets people in: 1 to 50, to be published. */
  triggers?: Array<TriggerInput>;
};

/** Only `ACTIVE` ones let people in and move them on; `ARCHIVED` is for good. */
export type SequenceStatus =
  /** Lets people in and moves them on. */
  | 'ACTIVE'
  /** Ended for good. */
  | 'ARCHIVED'
  /** Never activated so far. */
  | 'DRAFT'
  /** Nobody enters, moves on or is mailed. */
  | 'PAUSED';

/** An error keeps a draft from being published. */
export type Severity =
  /** It cannot be published like this. */
  | 'ERROR'
  /** It can be published, and is perhaps not what is meant. */
  | 'WARNING';

/** One step. */
export type StepInput =
  {   /** Goes the first way whose condition is true. */
  branch: BranchStepInput; exit?: never; sendEmail?: never; wait?: never; waitUntil?: never; }
  |  { branch?: never;   /** Leaves the sequence. */
  exit: ExitStepInput; sendEmail?: never; wait?: never; waitUntil?: never; }
  |  { branch?: never; exit?: never;   /** Sends a mail. */
  sendEmail: SendEmailStepInput; wait?: never; waitUntil?: never; }
  |  { branch?: never; exit?: never; sendEmail?: never;   /** Waits for a time. */
  wait: WaitStepInput; waitUntil?: never; }
  |  { branch?: never; exit?: never; sendEmail?: never; wait?: never;   /** Waits until a time of day. */
  waitUntil: WaitUntilStepInput; };

/** Who is wanted: all that is given must hold. */
export type SubscriberFilterInput = {
  /** Whose address begins like this, whatever the case of its letters. */
  emailPrefix?: string | null | undefined;
  /** Of this status. */
  status?: SubscriberStatus | null | undefined;
  /** With this tag. */
  tag?: string | null | undefined;
};

/** Only `SUBSCRIBED` people are mailed, and only while their address is not suppressed. */
export type SubscriberStatus =
  /** Their address was reported dead. */
  | 'BOUNCED'
  /** They reported our mail as spam. */
  | 'COMPLAINED'
  /** May be mailed. */
  | 'SUBSCRIBED'
  /** Asked for no more mail. */
  | 'UNSUBSCRIBED';

/** A tag is added to somebody. */
export type TagAddedTriggerInput = {
  /** Which tag. */
  tag: string;
};

/** How a text is compared: exactly as written. */
export type TextOperator =
  /** Anywhere in it. */
  | 'CONTAINS'
  /** Its end. */
  | 'ENDS_WITH'
  /** The whole text. */
  | 'EQUALS'
  /** Its beginning. */
  | 'STARTS_WITH';

/** True when the operator holds for at least one of the values. */
export type TextTestInput = {
  /** How to compare. */
  operator: TextOperator;
  /** 1 to 1,000 texts of at most 1,000 characters. */
  values: Array<string>;
};

/** At least one of the three; all that are given must hold. */
export type TimeTestInput = {
  /** At this time or later. */
  since?: string | null | undefined;
  /** Before this time. */
  until?: string | null | undefined;
  /** At most so many seconds ago, up to ten years, and not in the future. */
  withinSeconds?: number | null | undefined;
};

/** Something that lets people in. */
export type TriggerInput =
  {   /** A custom event happens. */
  event: EventTriggerInput; manual?: never; subscribed?: never; tagAdded?: never; }
  |  { event?: never;   /** True: by hand or by the API (`enroll`). */
  manual: boolean; subscribed?: never; tagAdded?: never; }
  |  { event?: never; manual?: never;   /** True: somebody subscribes. */
  subscribed: boolean; tagAdded?: never; }
  |  { event?: never; manual?: never; subscribed?: never;   /** A tag is added. */
  tagAdded: TagAddedTriggerInput; };

/** Waits for a time. */
export type WaitStepInput = {
  /** How many seconds: from 1 to those of ten years, 316,224,000. */
  durationSeconds: number;
  /** 1 to 64 letters, digits, `-` or `_`; stays the same when the step is edited. */
  key: string;
  /** The step that follows; null for the end. */
  next?: string | null | undefined;
};

/** Waits until a time of day. */
export type WaitUntilStepInput = {
  /** 1 to 64 letters, digits, `-` or `_`; stays the same when the step is edited. */
  key: string;
  /** Such as `09:00`. */
  localTime: string;
  /** The step that follows; null for the end. */
  next?: string | null | undefined;
  /** Let people go at random over so many seconds from that time on: 0 to 86,400. */
  spreadSeconds?: number;
  /** An IANA zone; null for each subscriber's own. */
  timezone?: string | null | undefined;
  /** ISO: 1 is Monday, 7 is Sunday; at least one, each once. */
  weekdays?: Array<number>;
};

export type SubscribersQueryVariables = Exact<{
  first?: number;
  after?: string | null | undefined;
  filter?: SubscriberFilterInput | null | undefined;
}>;


export type SubscribersQuery = { subscribers: { totalCount: number | null, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, email: string, status: SubscriberStatus, firstName: string | null, lastName: string | null, tags: Array<string>, attributes: unknown }> } };

export type ImportSubscribersMutationVariables = Exact<{
  file: Blob;
  mapping?: Array<ColumnMappingInput> | ColumnMappingInput | null | undefined;
}>;


export type ImportSubscribersMutation = { importSubscribers: { job: { id: string, status: JobStatus, filename: string | null, rows: number, invalidRows: number, rowsPerSecond: number | null, percent: number | null, counts: Array<{ name: string, count: number }>, errors: Array<{ line: number, column: string | null, reason: string }> } | null, errors: Array<{ field: string | null, message: string, code: ErrorCode }> } };

export type JobProgressSubscriptionVariables = Exact<{
  jobId: string | number;
}>;


export type JobProgressSubscription = { jobProgress: { id: string, status: JobStatus, filename: string | null, rows: number, invalidRows: number, rowsPerSecond: number | null, percent: number | null, counts: Array<{ name: string, count: number }>, errors: Array<{ line: number, column: string | null, reason: string }> } };

export type ProgressFragment = { id: string, status: JobStatus, filename: string | null, rows: number, invalidRows: number, rowsPerSecond: number | null, percent: number | null, counts: Array<{ name: string, count: number }>, errors: Array<{ line: number, column: string | null, reason: string }> };

export type SequencesQueryVariables = Exact<{
  first?: number;
  after?: string | null | undefined;
  status?: SequenceStatus | null | undefined;
}>;


export type SequencesQuery = { sequences: { totalCount: number | null, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, name: string, status: SequenceStatus, updatedAt: string, enrollmentCounts: { active: number, completed: number, exited: number } }> } };

export type CreateSequenceMutationVariables = Exact<{
  input: CreateSequenceInput;
}>;


export type CreateSequenceMutation = { createSequence: { sequence: { id: string, name: string, status: SequenceStatus, revision: number, issues: Array<{ step: string | null, field: string, message: string, code: IssueCode, severity: Severity }> } | null, errors: Array<{ field: string | null, message: string, code: ErrorCode }> } };

export type SendStatsSubscriptionVariables = Exact<{
  sequenceId: string | number;
}>;


export type SendStatsSubscription = { sendStats: { queued: number, sent: number, delivered: number | null, opened: number, clicked: number, unsubscribed: number, failed: number, sentPerSecond: number, asOf: string, openRate: { value: number, low: number, high: number } | null } };

export type TokensFragment = { accessToken: string, refreshToken: string, expiresAt: string };

export type FailureFragment = { field: string | null, message: string, code: ErrorCode };

export type SignInMutationVariables = Exact<{
  email: string;
  password: string;
}>;


export type SignInMutation = { signIn: { session: { accessToken: string, refreshToken: string, expiresAt: string } | null, errors: Array<{ field: string | null, message: string, code: ErrorCode }> } };

export type RefreshSessionMutationVariables = Exact<{
  refreshToken: string;
}>;


export type RefreshSessionMutation = { refreshSession: { session: { accessToken: string, refreshToken: string, expiresAt: string } | null, errors: Array<{ field: string | null, message: string, code: ErrorCode }> } };

export type SignOutMutationVariables = Exact<{
  refreshToken: string;
}>;


export type SignOutMutation = { signOut: { errors: Array<{ field: string | null, message: string, code: ErrorCode }> } };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { role: Role | null, access: Array<Access>, workspace: { id: string, name: string }, user: { id: string, email: string, name: string } | null } | null };

export const ProgressFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Progress"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Job"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"filename"}},{"kind":"Field","name":{"kind":"Name","value":"rows"}},{"kind":"Field","name":{"kind":"Name","value":"invalidRows"}},{"kind":"Field","name":{"kind":"Name","value":"rowsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"percent"}},{"kind":"Field","name":{"kind":"Name","value":"counts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"line"}},{"kind":"Field","name":{"kind":"Name","value":"column"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}}]}}]}}]} as unknown as DocumentNode<ProgressFragment, unknown>;
export const TokensFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Tokens"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Session"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"}},{"kind":"Field","name":{"kind":"Name","value":"refreshToken"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}}]} as unknown as DocumentNode<TokensFragment, unknown>;
export const FailureFragmentDoc = {"kind":"Document","definitions":[{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Failure"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]} as unknown as DocumentNode<FailureFragment, unknown>;
export const SubscribersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Subscribers"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},"defaultValue":{"kind":"IntValue","value":"20"}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"filter"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"SubscriberFilterInput"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"subscribers"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"filter"},"value":{"kind":"Variable","name":{"kind":"Name","value":"filter"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totalCount"}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"firstName"}},{"kind":"Field","name":{"kind":"Name","value":"lastName"}},{"kind":"Field","name":{"kind":"Name","value":"tags"}},{"kind":"Field","name":{"kind":"Name","value":"attributes"}}]}}]}}]}}]} as unknown as DocumentNode<SubscribersQuery, SubscribersQueryVariables>;
export const ImportSubscribersDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"ImportSubscribers"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"file"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Upload"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"mapping"}},"type":{"kind":"ListType","type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ColumnMappingInput"}}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"importSubscribers"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"file"},"value":{"kind":"Variable","name":{"kind":"Name","value":"file"}}},{"kind":"Argument","name":{"kind":"Name","value":"mapping"},"value":{"kind":"Variable","name":{"kind":"Name","value":"mapping"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"job"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Progress"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Failure"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Progress"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Job"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"filename"}},{"kind":"Field","name":{"kind":"Name","value":"rows"}},{"kind":"Field","name":{"kind":"Name","value":"invalidRows"}},{"kind":"Field","name":{"kind":"Name","value":"rowsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"percent"}},{"kind":"Field","name":{"kind":"Name","value":"counts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"line"}},{"kind":"Field","name":{"kind":"Name","value":"column"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Failure"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]} as unknown as DocumentNode<ImportSubscribersMutation, ImportSubscribersMutationVariables>;
export const JobProgressDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"JobProgress"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"jobId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"jobProgress"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"jobId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"jobId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Progress"}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Progress"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Job"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"filename"}},{"kind":"Field","name":{"kind":"Name","value":"rows"}},{"kind":"Field","name":{"kind":"Name","value":"invalidRows"}},{"kind":"Field","name":{"kind":"Name","value":"rowsPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"percent"}},{"kind":"Field","name":{"kind":"Name","value":"counts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"count"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"IntValue","value":"20"}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"line"}},{"kind":"Field","name":{"kind":"Name","value":"column"}},{"kind":"Field","name":{"kind":"Name","value":"reason"}}]}}]}}]} as unknown as DocumentNode<JobProgressSubscription, JobProgressSubscriptionVariables>;
export const SequencesDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Sequences"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"first"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"Int"}}},"defaultValue":{"kind":"IntValue","value":"20"}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"after"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"status"}},"type":{"kind":"NamedType","name":{"kind":"Name","value":"SequenceStatus"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"sequences"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"first"},"value":{"kind":"Variable","name":{"kind":"Name","value":"first"}}},{"kind":"Argument","name":{"kind":"Name","value":"after"},"value":{"kind":"Variable","name":{"kind":"Name","value":"after"}}},{"kind":"Argument","name":{"kind":"Name","value":"status"},"value":{"kind":"Variable","name":{"kind":"Name","value":"status"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"totalCount"}},{"kind":"Field","name":{"kind":"Name","value":"pageInfo"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"hasNextPage"}},{"kind":"Field","name":{"kind":"Name","value":"endCursor"}}]}},{"kind":"Field","name":{"kind":"Name","value":"nodes"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"updatedAt"}},{"kind":"Field","name":{"kind":"Name","value":"enrollmentCounts"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"active"}},{"kind":"Field","name":{"kind":"Name","value":"completed"}},{"kind":"Field","name":{"kind":"Name","value":"exited"}}]}}]}}]}}]}}]} as unknown as DocumentNode<SequencesQuery, SequencesQueryVariables>;
export const CreateSequenceDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"CreateSequence"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"input"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"CreateSequenceInput"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"createSequence"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"input"},"value":{"kind":"Variable","name":{"kind":"Name","value":"input"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"sequence"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}},{"kind":"Field","name":{"kind":"Name","value":"status"}},{"kind":"Field","name":{"kind":"Name","value":"revision"}},{"kind":"Field","name":{"kind":"Name","value":"issues"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"step"}},{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}},{"kind":"Field","name":{"kind":"Name","value":"severity"}}]}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Failure"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Failure"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]} as unknown as DocumentNode<CreateSequenceMutation, CreateSequenceMutationVariables>;
export const SendStatsDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"subscription","name":{"kind":"Name","value":"SendStats"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"sequenceId"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"ID"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"sendStats"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"sequenceId"},"value":{"kind":"Variable","name":{"kind":"Name","value":"sequenceId"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"queued"}},{"kind":"Field","name":{"kind":"Name","value":"sent"}},{"kind":"Field","name":{"kind":"Name","value":"delivered"}},{"kind":"Field","name":{"kind":"Name","value":"opened"}},{"kind":"Field","name":{"kind":"Name","value":"clicked"}},{"kind":"Field","name":{"kind":"Name","value":"unsubscribed"}},{"kind":"Field","name":{"kind":"Name","value":"failed"}},{"kind":"Field","name":{"kind":"Name","value":"sentPerSecond"}},{"kind":"Field","name":{"kind":"Name","value":"openRate"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"value"}},{"kind":"Field","name":{"kind":"Name","value":"low"}},{"kind":"Field","name":{"kind":"Name","value":"high"}}]}},{"kind":"Field","name":{"kind":"Name","value":"asOf"}}]}}]}}]} as unknown as DocumentNode<SendStatsSubscription, SendStatsSubscriptionVariables>;
export const SignInDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"SignIn"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"email"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}},{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"password"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"signIn"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"email"},"value":{"kind":"Variable","name":{"kind":"Name","value":"email"}}},{"kind":"Argument","name":{"kind":"Name","value":"password"},"value":{"kind":"Variable","name":{"kind":"Name","value":"password"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"session"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Tokens"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Failure"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Tokens"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Session"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"}},{"kind":"Field","name":{"kind":"Name","value":"refreshToken"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Failure"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]} as unknown as DocumentNode<SignInMutation, SignInMutationVariables>;
export const RefreshSessionDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"RefreshSession"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"refreshToken"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"refreshSession"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"refreshToken"},"value":{"kind":"Variable","name":{"kind":"Name","value":"refreshToken"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"session"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Tokens"}}]}},{"kind":"Field","name":{"kind":"Name","value":"errors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Failure"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Tokens"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"Session"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"accessToken"}},{"kind":"Field","name":{"kind":"Name","value":"refreshToken"}},{"kind":"Field","name":{"kind":"Name","value":"expiresAt"}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Failure"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]} as unknown as DocumentNode<RefreshSessionMutation, RefreshSessionMutationVariables>;
export const SignOutDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"mutation","name":{"kind":"Name","value":"SignOut"},"variableDefinitions":[{"kind":"VariableDefinition","variable":{"kind":"Variable","name":{"kind":"Name","value":"refreshToken"}},"type":{"kind":"NonNullType","type":{"kind":"NamedType","name":{"kind":"Name","value":"String"}}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"signOut"},"arguments":[{"kind":"Argument","name":{"kind":"Name","value":"refreshToken"},"value":{"kind":"Variable","name":{"kind":"Name","value":"refreshToken"}}}],"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"errors"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"FragmentSpread","name":{"kind":"Name","value":"Failure"}}]}}]}}]}},{"kind":"FragmentDefinition","name":{"kind":"Name","value":"Failure"},"typeCondition":{"kind":"NamedType","name":{"kind":"Name","value":"UserError"}},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"field"}},{"kind":"Field","name":{"kind":"Name","value":"message"}},{"kind":"Field","name":{"kind":"Name","value":"code"}}]}}]} as unknown as DocumentNode<SignOutMutation, SignOutMutationVariables>;
export const ViewerDocument = {"kind":"Document","definitions":[{"kind":"OperationDefinition","operation":"query","name":{"kind":"Name","value":"Viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"viewer"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"workspace"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"user"},"selectionSet":{"kind":"SelectionSet","selections":[{"kind":"Field","name":{"kind":"Name","value":"id"}},{"kind":"Field","name":{"kind":"Name","value":"email"}},{"kind":"Field","name":{"kind":"Name","value":"name"}}]}},{"kind":"Field","name":{"kind":"Name","value":"role"}},{"kind":"Field","name":{"kind":"Name","value":"access"}}]}}]}}]} as unknown as DocumentNode<ViewerQuery, ViewerQueryVariables>;