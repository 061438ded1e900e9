// The package has its types in comments, which a strict project cannot check as its own.
declare module 'apollo-upload-client/UploadHttpLink.mjs' {
  import { ApolloLink } from '@apollo/client'

  export default class UploadHttpLink extends ApolloLink {
    constructor(options: { uri: string; includeExtensions?: boolean })
  }
}
